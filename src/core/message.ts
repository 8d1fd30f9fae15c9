import type { OperationId } from './operation.js';
import type { Rank } from './rank.js';
import type { SectorData, SectorIndex } from './sector.js';
import type { Stamp } from './stamp.js';

/** What a client asks. Request numbers (u64) are the client's own and only echoed. */
export type ClientRequest =
  | { readonly kind: 'read'; readonly requestNumber: bigint; readonly sector: SectorIndex }
  | {
      readonly kind: 'write';
      readonly requestNumber: bigint;
      readonly sector: SectorIndex;
      readonly data: SectorData;
    };

export type ResponseStatus = 'ok' | 'authFailure' | 'invalidSectorIndex';

/** What a client is told. `data` stands exactly in a READ's response that is ok. */
export interface ClientResponse {
  readonly request: 'read' | 'write';
  readonly status: ResponseStatus;
  readonly requestNumber: bigint;
  readonly data: SectorData | null;
}

/** A message of the register algorithm, without its sector and sender (the envelope has them). */
export type RegisterMessage =
  | { readonly kind: 'readProc'; readonly id: OperationId }
  /** Which stamp do you hold? Between processes of this implementation; others are sent a readProc. */
  | { readonly kind: 'readStamp'; readonly id: OperationId }
  /** The answer: a value with that stamp is sound on the sender's disk, and flushed. */
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

/** Those that every implementation of the protocol knows. */
export type BaseMessageKind = Exclude<RegisterMessageKind, 'readStamp' | 'stamp'>;

/** A register message on its way: which register it is for, and which process sent it. */
export interface ProcessMessage {
  readonly sector: SectorIndex;
  readonly sender: Rank;
  readonly content: RegisterMessage;
}

/** "I have taken in your message": optional in the protocol, see docs/wire-protocol.md. */
export interface Receipt {
  readonly sender: Rank;
  readonly receiptFor: BaseMessageKind;
  readonly id: OperationId;
}
