/** The inputs of a process that arrive over its connections. */
import type { Difference } from '../../src/core/membership/configuration.js';
import type { Inquiry, LinkHandshake, MemberMessage } from '../../src/core/membership/memberMessage.js';
import type { MembershipEffect } from '../../src/core/membership/membership.js';
import type { ClientRequest, Receipt } from '../../src/core/message.js';
import type { OperationId } from '../../src/core/operation.js';
import type { Rank } from '../../src/core/rank.js';
import type { SectorIndex } from '../../src/core/sector.js';
import type { RequestFrom } from '../replicaRegisters.js';
import type { DropReason } from '../../src/wire/verdict.js';
import type { SectorEvent } from '../reduceRegisters.js';
import type { Outgoing } from '../writeTogether.js';
import type { Asker } from './replica/asker.js';
import type { Origin, Session } from './session.js';

/** An effect of a message that has arrived. */
export type Inbound =
  | { readonly kind: 'event'; readonly event: SectorEvent<Origin | null> }
  /** A request of the strict register. */
  | { readonly kind: 'request'; readonly from: RequestFrom<Asker> }
  /** A READ or WRITE, which is in the ledger, for the coordinator of the strict register. */
  | { readonly kind: 'operation'; readonly id: OperationId; readonly request: ClientRequest }
  /** The client of that operation is gone. */
  | { readonly kind: 'abandoned'; readonly id: OperationId }
  | { readonly kind: 'send'; readonly outgoing: Outgoing }
  /** The peer sends receipts, and has the reply that this receipt names. */
  | { readonly kind: 'receipt'; readonly receipt: Receipt }
  /** A peer has shown who it is, or that it is foreign. */
  | { readonly kind: 'membership'; readonly effects: readonly MembershipEffect[] }
  /** A peer has made a new connection, and shown who it is. */
  | { readonly kind: 'newcomer'; readonly rank: Rank }
  /** A peer has made a new connection, and said who it is without a proof. */
  | { readonly kind: 'knock'; readonly rank: Rank }
  /** The process that this one has dialled has shown who it is. */
  | { readonly kind: 'introduced'; readonly rank: Rank }
  /** The configuration of that process differs from that of this one. */
  | {
      readonly kind: 'differs';
      readonly rank: Rank;
      readonly remote: string;
      readonly difference: Difference;
    }
  /** A peer says which features of the extension it understands, and what it knows of the connection to it. */
  | { readonly kind: 'linkHandshake'; readonly rank: Rank; readonly news: LinkHandshake }
  /** That peer, of which this process may know more now, has said HELLO or LINK. */
  | { readonly kind: 'heard'; readonly rank: Rank }
  /** That peer has ended its half of the connection that this process dialled. */
  | { readonly kind: 'ended'; readonly rank: Rank }
  /** A peer asks for a list of sectors, or sends one. */
  | { readonly kind: 'listing'; readonly session: Session; readonly message: SignedListMessage }
  | {
      readonly kind: 'inquiry';
      readonly session: Session;
      readonly inquiry: Inquiry;
      readonly requestNumber: bigint;
    }
  | {
      readonly kind: 'map';
      readonly session: Session;
      readonly from: SectorIndex;
      readonly requestNumber: bigint;
    }
  | {
      readonly kind: 'dropped';
      readonly remote: string;
      readonly reason: DropReason;
      /** What is wrong with the message, in words, where the reason does not say it. */
      readonly detail?: string;
      /** The process that has sent it, for `otherMode`. */
      readonly peer?: Rank;
    };

export interface SignedListMessage {
  readonly sender: Rank;
  readonly content: Extract<MemberMessage, { kind: 'list' | 'listed' }>;
}

/** A message that has no effect. */
export function dropped(
  { connection: { remote } }: Session,
  reason: DropReason,
  { detail, peer }: { readonly detail?: string | undefined; readonly peer?: Rank } = {},
): Inbound {
  return {
    kind: 'dropped',
    remote,
    reason,
    ...(detail !== undefined && { detail }),
    ...(peer !== undefined && { peer }),
  };
}
