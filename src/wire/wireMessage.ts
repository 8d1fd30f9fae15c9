import type { BaseMessageKind, RegisterMessage } from '../core/message.js';
import type { StorageId } from '../core/membership/identity.js';
import type { AnyInquiry } from '../core/membership/memberMessage.js';
import type { Hello, LinkToken } from '../core/membership/memberMessage.js';
import type { OperationId } from '../core/operation.js';
import type { Rank } from '../core/rank.js';
import type { SectorData } from '../core/sector.js';
import type { Stamp } from '../core/stamp.js';

/**
 * Messages as they stand on the wire: every field read, nothing believed yet. A sector is still a u64, a sender or
 * status any byte, and data a view into the frame. A list is a function that reads it from the frame: anybody may send
 * one that costs far more to read than its tag to check, so it is called when the tag has turned out right, and while
 * the frame lasts.
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

export interface ProcessWireMessage {
  readonly family: 'process';
  readonly sender: number;
  readonly sector: bigint;
  readonly content: RegisterMessage;
}

/** What a HELLO says about the connection that it stands in. */
export interface HelloEnvelope {
  readonly sender: Rank;
  /** Whom the sender takes the other side for. */
  readonly addressee: Rank;
  /** What the sender calls the connection. */
  readonly token: LinkToken;
  /** What the other side has called it; LINK_TOKEN_NONE: nothing yet. */
  readonly echo: LinkToken;
}

export interface HelloMessage extends HelloEnvelope {
  readonly family: 'hello';
  /** null: a field is out of its range. */
  readonly content: () => Hello | null;
}

/** Of of this implementation alone messages (types from 0x80 up), read but not believed. */
export type ExtensionMessage =
  | HelloMessage
  | {
      readonly family: 'oldHello';
      readonly sender: number;
      readonly version: number;
      readonly memberState: number;
      readonly storage: StorageId;
      readonly incarnation: number;
      readonly known: StorageId | null;
      readonly incarnations: () => readonly number[];
    }
  | {
      readonly family: 'link';
      readonly sender: number;
      readonly token: string;
      readonly echo: string;
      readonly features: number;
    }
  | {
      readonly family: 'shard';
      readonly sender: number;
      readonly index: number;
      readonly count: number;
    }
  | {
      readonly family: 'bundle';
      readonly sender: number;
      /** null: it is not made of whole messages. */
      readonly messages: () => readonly ProcessWireMessage[] | null;
    }
  | {
      readonly family: 'list';
      readonly sender: number;
      readonly id: OperationId;
      readonly from: bigint;
    }
  | {
      readonly family: 'listed';
      readonly sender: number;
      readonly id: OperationId;
      readonly from: bigint;
      readonly next: bigint;
      readonly entries: () => readonly { readonly sector: bigint; readonly stamp: Stamp }[];
      readonly written: number;
    }
  | {
      readonly family: 'inquiry';
      readonly inquiry: AnyInquiry;
      readonly requestNumber: bigint;
      /** Where a map is to begin; of no meaning to others. */
      readonly from: bigint;
    }
  | {
      readonly family: 'report';
      readonly inquiry: AnyInquiry;
      readonly status: number;
      readonly requestNumber: bigint;
      /** 4096 bytes: a text, and zeros; or a map. */
      readonly data: SectorData | null;
    };

/** A decoded message with the bytes that its tag covers. */
export interface Decoded {
  readonly frame: Uint8Array;
  readonly message: WireMessage;
}
