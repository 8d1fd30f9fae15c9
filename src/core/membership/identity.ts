/**
 * The identity of a process. It is not the rank, because any process started in its place has the same one; it is the
 * disk that holds what the process has promised.
 */

/** The id of a disk: 16 random bytes, drawn when the disk is first used, as latin1 like an operation id. */
export type StorageId = string;

export const STORAGE_ID_SIZE_BYTES = 16;

/** How often the process of a rank has lost its disk, as far as anyone knows: 0 to INCARNATION_MAX. */
export type Incarnation = number;

/**
 * `fresh`: its disk has never been part of the cluster. `joining`: the disk of that rank was lost; the process takes in
 * what the others have, and does not vote. `member`: it votes.
 */
export type MemberState = (typeof MEMBER_STATES)[number];

/** On the wire a member state is its index in this list. */
export const MEMBER_STATES = ['fresh', 'joining', 'member'] as const;

export interface Identity {
  readonly storage: StorageId;
  readonly incarnation: Incarnation;
  readonly memberState: MemberState;
  /**
   * Names the founding of the cluster that the disk is part of: the id of one founder's disk. Two clusters with the
   * same keys and addresses differ in it. null: the disk is part of no cluster yet, or of one founded by a version that
   * did not note it.
   */
  readonly founding: StorageId | null;
  /** MODE_OPEN or MODE_STRICT: the mode with which that cluster was founded. It may change as long as it is fresh. */
  readonly mode: number;
  /**
   * An operator has said that the disk was never replaced (`atdd recover`). Peers that remember another disk of the
   * same incarnation accept this one in its place.
   */
  readonly isVouched: boolean;
}
