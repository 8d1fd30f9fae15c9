/**
 * Who a process is: not its rank, which whatever runs in its place has too, but the disk that holds what it has
 * promised.
 */

/** 16 random bytes, drawn when a disk is first used; as latin1, like an operation id. */
export type StorageId = string;

export const STORAGE_ID_SIZE_BYTES = 16;

/** How often the process of a rank has lost its disk, as far as anyone knows. */
export type Incarnation = number;

/**
 * `fresh`: its disk has never been part of the cluster. `joining`: the disk of that rank was lost; this one takes in
 * what the others have, and tells nobody what it holds. `member`: it votes.
 */
export type MemberState = (typeof MEMBER_STATES)[number];

/** From the least to the full member. On the wire a state is its place in this list. */
export const MEMBER_STATES = ['fresh', 'joining', 'member'] as const;

export interface Identity {
  readonly storage: StorageId;
  readonly incarnation: Incarnation;
  readonly memberState: MemberState;
  /**
   * Names the founding of the cluster that the disk is part of: the id of one founder's disk. Two clusters of the same
   * keys and addresses differ in it. null: of none yet, or of one that was founded by a version that did not note it.
   */
  readonly founding: StorageId | null;
  /**
   * An operator has vouched that the disk was never replaced (`atdd recover`): peers that remember another one of the
   * same incarnation take this one for it.
   */
  readonly isVouched: boolean;
}
