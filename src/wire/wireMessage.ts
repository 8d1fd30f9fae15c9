import type { RegisterMessage, RegisterMessageKind } from '../core/message.js';
import type { OperationId } from '../core/operation.js';
import type { SectorData } from '../core/sector.js';

/**
 * Messages as they stand on the wire: every field read, nothing believed yet. A sector is still a
 * u64, a sender or status any byte, and data a view into the frame.
 */
export type WireMessage =
  | {
      readonly family: 'request';
      readonly request: 'read' | 'write';
      readonly requestNumber: bigint;
      readonly sector: bigint;
      readonly data: SectorData | null;
    }
  | {
      readonly family: 'process';
      readonly sender: number;
      readonly sector: bigint;
      readonly content: RegisterMessage;
    }
  | {
      readonly family: 'receipt';
      readonly sender: number;
      readonly receiptFor: RegisterMessageKind;
      readonly id: OperationId;
    }
  | {
      readonly family: 'response';
      readonly request: 'read' | 'write';
      readonly status: number;
      readonly requestNumber: bigint;
      readonly data: SectorData | null;
    };

/** A decoded message with the bytes that its tag covers. */
export interface Decoded {
  readonly frame: Uint8Array;
  readonly message: WireMessage;
}
