/** What a process knows of the cluster: a mutable record, which membership.ts changes. */
import type { Rank } from '../rank.js';
import type { Self } from '../register/step.js';
import type { Configuration } from './configuration.js';
import type { Heard } from './heard.js';
import type { Identity, Incarnation, StorageId } from './identity.js';
import type { Hello } from './memberMessage.js';

/** What is known of a peer's disk. */
export interface PeerMemory {
  /** null: only that it has been lost so often. */
  readonly storage: StorageId | null;
  readonly incarnation: Incarnation;
}

/** Why a member does not vote for the time being. */
export type Objection =
  /** That peer knows of another disk of this rank, which came later or at the same time. */
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
  /** Draws the id of a disk. */
  readonly draw: () => StorageId;
}

export interface Membership extends MembershipOptions {
  own: Identity;
  /** Of the peers that have ever been members or about to be. */
  readonly remembered: Map<Rank, PeerMemory>;
  readonly heard: Map<Rank, Heard>;
  /** What peers have answered over the connection that this process dialled, when it was made. */
  readonly answered: Map<Rank, Hello>;
  /** Of other clusters: those that were met in this life. */
  readonly strangers: Set<Rank>;
  /** Empty but in a member that does not vote. */
  objections: readonly Objection[];
  /** Whether any of them is foreign. */
  isMixed: boolean;
  /** Time enough has passed for all that can be reached to have said who they are. */
  isGraceOver: boolean;
}
