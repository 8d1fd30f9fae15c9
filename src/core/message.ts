import type { OperationId } from './operation.js';
import type { Rank } from './rank.js';
import type { SectorData, SectorIndex } from './sector.js';
import type { Stamp } from './stamp.js';

/** A request of a client. Request numbers (u64) are chosen by the client and only echoed. */
export type ClientRequest =
  | { readonly kind: 'read'; readonly requestNumber: bigint; readonly sector: SectorIndex }
  | {
      readonly kind: 'write';
      readonly requestNumber: bigint;
      readonly sector: SectorIndex;
      readonly data: SectorData;
    };

export type ResponseStatus = 'ok' | 'authFailure' | 'invalidSectorIndex';

/** The response to a client. `data` is there exactly if it answers a READ with `ok`. */
export interface ClientResponse {
  readonly request: 'read' | 'write';
  readonly status: ResponseStatus;
  readonly requestNumber: bigint;
  readonly data: SectorData | null;
}

/** A message of the register algorithm, without sector and sender: `ProcessMessage` has them. */
export type RegisterMessage =
  | { readonly kind: 'readProc'; readonly id: OperationId }
  /** Asks for the stamp alone. Foreign processes are sent a `readProc` instead. */
  | { readonly kind: 'readStamp'; readonly id: OperationId }
  /** The answer: a value with this stamp is on the sender's disk, sound and flushed. */
  | { readonly kind: 'stamp'; readonly id: OperationId; readonly stamp: Stamp }
  | {
      readonly kind: 'value';
      readonly id: OperationId;
      readonly stamp: Stamp;
      readonly data: SectorData;
    }
  | {
      readonly kind: 'writeProc';
      readonly id: OperationId;
      readonly stamp: Stamp;
      readonly data: SectorData;
    }
  | { readonly kind: 'ack'; readonly id: OperationId };

export type RegisterMessageKind = RegisterMessage['kind'];

/** The messages of the base protocol, which every implementation knows. */
export type BaseMessageKind = Exclude<RegisterMessageKind, 'readStamp' | 'stamp'>;

/** A register message with its envelope: the register that it is for, and the process that sent it. */
export interface ProcessMessage {
  readonly sector: SectorIndex;
  readonly sender: Rank;
  readonly content: RegisterMessage;
}

/** Confirms that a message has arrived. Optional in the protocol: see docs/wire-protocol.md. */
export interface Receipt {
  readonly sender: Rank;
  readonly receiptFor: BaseMessageKind;
  readonly id: OperationId;
}
