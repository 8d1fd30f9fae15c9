import type { OperationId } from '../operation.js';
import type { Rank } from '../rank.js';
import type { SectorIndex } from '../sector.js';
import type { Stamp } from '../stamp.js';
import type { Configuration } from './configuration.js';
import type { Incarnation, MemberState, StorageId } from './identity.js';

/**
 * What the processes of this implementation tell each other besides the registers' messages (docs/peer-extension.md).
 * Foreign members skip them.
 */
export type MemberMessage =
  /**
   * Version 1: what older processes say first of all. Version 2 is `Hello`, a message of its own
   * (src/wire/helloMessage.ts).
   */
  | ({ readonly kind: 'oldHello' } & OldHello)
  /**
   * The second message of every connection that a process dials; again when it has something new to echo. See
   * src/core/link/negotiation.ts.
   */
  | ({ readonly kind: 'link' } & LinkHandshake)
  /** Which sectors, from that one on, have which stamps? */
  | { readonly kind: 'list'; readonly id: OperationId; readonly from: SectorIndex }
  | {
      readonly kind: 'listed';
      readonly id: OperationId;
      /** Complete for all sectors from `from` to below `next`; null: to the end. */
      readonly from: SectorIndex;
      readonly next: SectorIndex | null;
      readonly entries: readonly StampEntry[];
      /** Sectors that were ever written, in all. */
      readonly written: number;
    };

/** What a process says of itself, in version 1. */
export interface OldHello {
  readonly memberState: MemberState;
  readonly storage: StorageId;
  readonly incarnation: Incarnation;
  /** What the addressee's disk was when last heard of; null: never. */
  readonly known: StorageId | null;
  /** Of the process of rank index + 1, the latest that was heard of; 0: the first, or none. */
  readonly incarnations: readonly Incarnation[];
}

/** What a process says of itself, in version 2. */
export interface Hello extends OldHello {
  /** See `Identity`. */
  readonly founding: StorageId | null;
  readonly isVouched: boolean;
  /** null: version 1 does not tell. */
  readonly configuration: Configuration | null;
  /** It is fresh, but its folder has been in use before: its disk is lost, or not mounted. */
  readonly wasInUse: boolean;
  /** It is fresh, and an operator has told it to found the cluster. */
  readonly isFounder: boolean;
  /** It has sectors that were ever written. */
  readonly hasData: boolean;
}

export interface LinkHandshake {
  /** Names the connection that it stands in: drawn for it. */
  readonly token: LinkToken;
  /** The token that came last from the addressee, over the connection that that one dialled. */
  readonly echo: LinkToken;
  /** Bits: what the sender understands. */
  readonly features: number;
}

/** 16 random bytes, as latin1, like an operation id. */
export type LinkToken = string;

/** Of no connection. */
export const LINK_TOKEN_NONE: LinkToken = '\0'.repeat(16);

export interface StampEntry {
  readonly sector: SectorIndex;
  readonly stamp: Stamp;
}

export interface SignedMemberMessage {
  readonly sender: Rank;
  readonly content: MemberMessage;
}

/** Sectors in one `listed` at most. */
export const ENTRIES_MAX = 240;

/** Asked by clients of a process itself. `scrub` starts one. Answered with a text of JSON. */
export type Inquiry = 'status' | 'scrub';

/** … or with a page that says what of the disk is zeros. */
export type AnyInquiry = Inquiry | 'map';
