import type { Rank } from '../rank.js';
import type { SectorData } from '../sector.js';
import type { Stamp } from '../stamp.js';
import type { ClientOperation } from './clientOperation.js';
import type { Waiting } from './waiting.js';
import { NOBODY_WAITS } from './waiting.js';

/**
 * The data of the register's stamp, as far as it is known. `unloaded`: it is on the disk and was not needed yet.
 * `damaged`: the disk could not give it back, so this process must neither serve it nor vote with it.
 */
export type LocalCopy =
  { readonly kind: 'unloaded' } | { readonly kind: 'sound'; readonly data: SectorData } | { readonly kind: 'damaged' };

/** One process's answer in the read phase. */
export interface ReadEntry {
  readonly rank: Rank;
  readonly stamp: Stamp;
  /** null: the answer had only a stamp, or the operation needs only the stamp. */
  readonly data: SectorData | null;
  /** Whether the process vouches for this value: it is flushed on its disk. */
  readonly isDurable: boolean;
}

export interface ReadPhase {
  readonly phase: 'read';
  readonly operation: ClientOperation;
  /**
   * `stamps`, `values`: all processes are asked for them. `oneValue`: one process with the newest stamp is asked for
   * its value.
   */
  readonly asked: 'stamps' | 'oneValue' | 'values';
  /** At most one entry a rank. */
  readonly readList: readonly ReadEntry[];
}

export interface WritePhase {
  readonly phase: 'write';
  readonly operation: ClientOperation;
  /** The stamp of the value that is being written. */
  readonly stamp: Stamp;
  /** The value that a READ returns once a majority holds it; null for a WRITE. */
  readonly result: SectorData | null;
  /** The processes that hold the value or a newer one; each once. */
  readonly ackList: readonly Rank[];
}

/** The register of one sector in one process (docs/register.md). */
export interface RegisterState {
  /** The stamp of the value on this process's disk. */
  readonly stamp: Stamp;
  readonly copy: LocalCopy;
  /** The operation of this process that is under way; null: there is none. */
  readonly running: ReadPhase | WritePhase | null;
  /** The operations that wait for it, oldest first. The ledger of client operations bounds them. */
  readonly queue: Waiting;
}

const UNLOADED: LocalCopy = { kind: 'unloaded' };
const DAMAGED: LocalCopy = { kind: 'damaged' };

/**
 * The state of a register about which nothing is in memory yet.
 * @param stamp The stamp on the disk.
 * @param isDamaged Whether the copy on the disk is known to be damaged.
 */
export function restingState(stamp: Stamp, isDamaged = false): RegisterState {
  const copy = isDamaged ? DAMAGED : UNLOADED;
  return { stamp, copy, running: null, queue: NOBODY_WAITS };
}

/** Whether this state may be forgotten, because all of it is on the disk. */
export function isQuiescent(state: RegisterState): boolean {
  return state.running === null && state.queue.count === 0;
}
