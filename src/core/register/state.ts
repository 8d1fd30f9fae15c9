import type { Rank } from '../rank.js';
import type { SectorData } from '../sector.js';
import type { Stamp } from '../stamp.js';
import type { ClientOperation } from './clientOperation.js';
import type { Waiting } from './waiting.js';
import { NOBODY_WAITS } from './waiting.js';

/**
 * What is known of the data behind `stamp`. `unloaded`: it is on the disk and was not needed yet. `damaged`: the disk
 * could not give it back; it must not be served or voted with.
 */
export type LocalCopy =
  { readonly kind: 'unloaded' } | { readonly kind: 'sound'; readonly data: SectorData } | { readonly kind: 'damaged' };

/** One process's answer in the read phase. */
export interface ReadEntry {
  readonly rank: Rank;
  readonly stamp: Stamp;
  /** null: it told its stamp only, or the operation needs no more. */
  readonly data: SectorData | null;
  /** Whether it vouches that what it told is flushed. */
  readonly isDurable: boolean;
}

export interface ReadPhase {
  readonly phase: 'read';
  readonly operation: ClientOperation;
  /** What is asked for: of all processes, or the value of one that has the newest stamp. */
  readonly asked: 'stamps' | 'oneValue' | 'values';
  /** At most one entry a rank. */
  readonly readList: readonly ReadEntry[];
}

export interface WritePhase {
  readonly phase: 'write';
  readonly operation: ClientOperation;
  /** Of the value that is being written. */
  readonly stamp: Stamp;
  /** What a READ returns once a majority holds it; null for a WRITE. */
  readonly result: SectorData | null;
  /** Ranks that hold the value or a newer one; each once. */
  readonly ackList: readonly Rank[];
}

/** The register of one sector in one process: section numbers of docs/register.md in reduce.ts. */
export interface RegisterState {
  /** Of the value that is on this process's disk. */
  readonly stamp: Stamp;
  readonly copy: LocalCopy;
  /** The operation under way here; at most one. */
  readonly running: ReadPhase | WritePhase | null;
  /** Operations that wait for it, oldest first. Bounded by the ledger of client operations. */
  readonly queue: Waiting;
}

const UNLOADED: LocalCopy = { kind: 'unloaded' };
const DAMAGED: LocalCopy = { kind: 'damaged' };

/** The state of a register of which only the disk knows something, `isDamaged` included. */
export function restingState(stamp: Stamp, isDamaged = false): RegisterState {
  const copy = isDamaged ? DAMAGED : UNLOADED;
  return { stamp, copy, running: null, queue: NOBODY_WAITS };
}

/** Whether nothing but what is on the disk would be lost if this state were forgotten. */
export function isQuiescent(state: RegisterState): boolean {
  return state.running === null && state.queue.count === 0;
}
