import type { BaseMessageKind } from '../core/message.js';
import type { OperationId } from '../core/operation.js';
import type { SectorData } from '../core/sector.js';
import type { ProcessWireMessage } from './processWireMessage.js';
import type { HelloMessage } from './helloMessage.js';
import type { MemberWireMessage } from './memberMessages.js';
import type { ShardMessage } from './shardMessage.js';
import type { BundleMessage } from './bundle.js';
import type { InquiryMessage, ReportMessage } from './inquiryMessages.js';
import type { OpenMessage, OpenedMessage } from './strict/openMessages.js';
import type { PackMessage } from './strict/pack.js';

/**
 * Messages as they stand on the wire: the fields were read, but nothing was checked yet. A sector is any u64, a sender
 * or status any byte, and data a view into the frame. A list is a function that reads it from the frame. It must be
 * called only after the tag was found to be right, because anyone may send a list that costs far more to read than its
 * tag to check.
 */
export type WireMessage =
  | {
      readonly family: 'request';
      readonly request: 'read' | 'write';
      readonly requestNumber: bigint;
      readonly sector: bigint;
      readonly data: SectorData | null;
    }
  | ProcessWireMessage
  | {
      readonly family: 'receipt';
      readonly sender: number;
      readonly receiptFor: BaseMessageKind;
      readonly id: OperationId;
    }
  | {
      readonly family: 'response';
      readonly request: 'read' | 'write';
      readonly status: number;
      readonly requestNumber: bigint;
      readonly data: SectorData | null;
    }
  | ExtensionMessage;

/** Messages of this implementation alone (types from 0x80 up), not checked either. */
export type ExtensionMessage =
  | HelloMessage
  | MemberWireMessage
  | ShardMessage
  | BundleMessage
  | InquiryMessage
  | ReportMessage
  | PackMessage
  | OpenMessage
  | OpenedMessage;

/** A decoded message with the bytes of its frame, tag included. */
export interface ParsedFrame {
  readonly frame: Uint8Array;
  readonly message: WireMessage;
}
