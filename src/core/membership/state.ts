/** What a process knows of the cluster: a mutable record, which membership.ts changes. */
import type { Rank } from '../rank.js';
import type { Self } from '../register/step.js';
import type { Configuration } from './configuration.js';
import type { Heard } from './heard.js';
import type { Identity, Incarnation, StorageId } from './identity.js';
import type { Hello } from './memberMessage.js';

/** What a process remembers of a peer's disk. */
export interface PeerMemory {
  /** null: only the incarnation is known. */
  readonly storage: StorageId | null;
  readonly incarnation: Incarnation;
}

/** Why a member does not vote for the time being. */
export type Objection =
  /** That peer knows of another disk of this rank, of a later or the same incarnation. */
  | { readonly kind: 'replaced'; readonly by: Rank }
  /** That peer is of a cluster that was founded apart from this one, and has data. */
  | { readonly kind: 'otherCluster'; readonly by: Rank };

export interface MembershipOptions {
  readonly self: Pick<Self, 'rank' | 'processCount'>;
  readonly configuration: Configuration;
  /** The folder is empty, but has been in use before. */
  readonly wasInUse: boolean;
  /** An operator has told this process to found the cluster. */
  readonly isFounder: boolean;
  /** Whether there are sectors that were ever written. */
  readonly hasData: () => boolean;
  /**
   * Whether the process may go on in the other mode: from open to strict, and from strict to open as long as it is
   * part of no cluster. See transition.ts.
   */
  readonly canChange: boolean;
  /** Draws the id of a disk. */
  readonly draw: () => StorageId;
}

export interface Membership extends MembershipOptions {
  own: Identity;
  /** The peers that were ever members or joining. */
  readonly remembered: Map<Rank, PeerMemory>;
  readonly heard: Map<Rank, Heard>;
  /** The HELLO that a peer answered with over the connection that this process dialled. */
  readonly answered: Map<Rank, Hello>;
  /** Peers that were found in this boot to be of another cluster. */
  readonly strangers: Set<Rank>;
  /** Why this member does not vote; empty: it votes, or is no member. */
  objections: readonly Objection[];
  /** Whether any peer that was heard is foreign. */
  isMixed: boolean;
  /** Enough time has passed for every peer that can be reached to say HELLO. */
  isGraceOver: boolean;
  /** Said in hellos: see `Hello`. */
  isDrained: boolean;
}
