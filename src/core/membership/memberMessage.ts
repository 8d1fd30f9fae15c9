import type { OperationId } from '../operation.js';
import type { Rank } from '../rank.js';
import type { SectorIndex } from '../sector.js';
import type { Stamp } from '../stamp.js';
import type { Configuration } from './configuration.js';
import type { Incarnation, MemberState, StorageId } from './identity.js';

/**
 * The messages between processes of this implementation other than the registers' (docs/peer-extension.md). Foreign
 * members skip them.
 */
export type MemberMessage =
  /**
   * HELLO of version 1: the first message of older processes. Version 2 is `Hello`, a message of its own
   * (src/wire/helloMessage.ts).
   */
  | ({ readonly kind: 'oldHello' } & OldHello)
  /**
   * The second message of every connection that a process dials. It is sent again when there is a new token to echo.
   * See src/core/link/negotiation.ts.
   */
  | ({ readonly kind: 'link' } & LinkHandshake)
  /** Asks which sectors, from that one on, have which stamps. */
  | { readonly kind: 'list'; readonly id: OperationId; readonly from: SectorIndex }
  | {
      readonly kind: 'listed';
      readonly id: OperationId;
      /** The entries are complete for the sectors from `from` to below `next`; null: to the end of the disk. */
      readonly from: SectorIndex;
      readonly next: SectorIndex | null;
      readonly entries: readonly StampEntry[];
      /** The number of sectors of the whole disk that were ever written. */
      readonly written: number;
    };

/** What a process says of itself, in version 1. */
export interface OldHello {
  readonly memberState: MemberState;
  readonly storage: StorageId;
  readonly incarnation: Incarnation;
  /** The id of the addressee's disk as the sender knows it; null: it knows none. */
  readonly known: StorageId | null;
  /** At index i: the latest known incarnation of the process of rank i + 1; 0: the first, or none is known. */
  readonly incarnations: readonly Incarnation[];
}

/** What a process says of itself, in version 2. */
export interface Hello extends OldHello {
  /** See `Identity`. */
  readonly founding: StorageId | null;
  readonly isVouched: boolean;
  /** null: version 1 does not say. */
  readonly configuration: Configuration | null;
  /** The sender is fresh, but its folder has been in use before: its disk is lost, or not mounted. */
  readonly wasInUse: boolean;
  /** The sender is fresh, and an operator has told it to found the cluster. */
  readonly isFounder: boolean;
  /** The sender has sectors that were ever written. */
  readonly hasData: boolean;
  /** The sender is of the open mode, and could be of the strict one: see transition.ts. */
  readonly isReady: boolean;
  /** The sender is about to become strict, and has no operation of the open mode under way any more. */
  readonly isDrained: boolean;
}

export interface LinkHandshake {
  /** Names the connection over which it is sent, and was drawn for it. */
  readonly token: LinkToken;
  /** The token that came last from the addressee, over the connection that the addressee dialled. */
  readonly echo: LinkToken;
  /** Bits: the features that the sender understands. */
  readonly features: number;
}

/** 16 random bytes, as latin1, like an operation id. */
export type LinkToken = string;

/** The token of no connection. */
export const LINK_TOKEN_NONE: LinkToken = '\0'.repeat(16);

export interface StampEntry {
  readonly sector: SectorIndex;
  readonly stamp: Stamp;
}

export interface SignedMemberMessage {
  readonly sender: Rank;
  readonly content: MemberMessage;
}

/** The most entries of one `listed`. */
export const ENTRIES_MAX = 240;

/** What a client may ask of a process itself. `scrub` starts a scrub. The answer is a text of JSON. */
export type Inquiry = 'status' | 'scrub';

/** … or `map`: the answer is a page that says which sectors are zeros. */
export type AnyInquiry = Inquiry | 'map';
