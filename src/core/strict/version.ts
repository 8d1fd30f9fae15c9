/** The stamps of the strict register (docs/strict-register.md, section 2), and the versions that they order. Pure. */
import { OPERATION_ID_SIZE_BYTES } from '../operation.js';
import { RANK_MAX, type Rank } from '../rank.js';
import { assert } from '../assert.js';

/** 16 bytes as latin1, drawn at random when a coordinator starts, so that it is unique for ever. */
export type CoordinatorId = string;

export const COORDINATOR_ID_SIZE_BYTES = OPERATION_ID_SIZE_BYTES;

/** The coordinator of VERSION_INITIAL: all bytes are 0. */
export const COORDINATOR_NONE: CoordinatorId = '\0'.repeat(COORDINATOR_ID_SIZE_BYTES);

/** Names one attempt of one coordinator. Totally ordered; no coordinator uses one twice. */
export interface StrictStamp {
  /** A Lamport counter, 0 to COUNTER_REFUSED - 1; 0 only in STRICT_STAMP_INITIAL. */
  readonly counter: bigint;
  readonly coordinator: CoordinatorId;
}

/**
 * Counters from here up are refused from the network, so that a mad coordinator cannot use up the counters of all
 * others: nobody gets here by counting.
 */
export const COUNTER_REFUSED = 1n << 63n;

/** The stamp of a sector that was never written. */
export const STRICT_STAMP_INITIAL: StrictStamp = { counter: 0n, coordinator: COORDINATOR_NONE };

/** What a copy of a sector is. Two copies with the same stamp have the same origin and the same data. */
export interface Version {
  readonly stamp: StrictStamp;
  /**
   * The first stamp of the write that made the data. A settle gives its data a new stamp and keeps the origin. So does
   * an update, with other data: equal origins do not mean equal data.
   */
  readonly origin: StrictStamp;
}

export const VERSION_INITIAL: Version = { stamp: STRICT_STAMP_INITIAL, origin: STRICT_STAMP_INITIAL };

/** @returns a number below 0 if `a` is before `b`, 0 if they are the same, above 0 if `a` is after `b`. */
export function compareStrictStamps(a: StrictStamp, b: StrictStamp): number {
  if (a.counter !== b.counter) return a.counter < b.counter ? -1 : 1;
  if (a.coordinator === b.coordinator) return 0;
  return a.coordinator < b.coordinator ? -1 : 1;
}

/** @returns the later one. */
export function laterOf(a: StrictStamp, b: StrictStamp): StrictStamp {
  return compareStrictStamps(a, b) >= 0 ? a : b;
}

/** The id that stands for the process of that rank in stamps of the base protocol: their order stays the same. */
export function coordinatorOfRank(rank: Rank): CoordinatorId {
  assert(Number.isInteger(rank) && rank >= 0 && rank <= RANK_MAX, `rank ${rank} is out of range`);
  return COORDINATOR_NONE.slice(1) + String.fromCharCode(rank);
}

/** @returns the rank of an id that stands for a process of the base protocol; null: it is of no such process. */
export function rankOfCoordinator(coordinator: CoordinatorId): Rank | null {
  if (!coordinator.startsWith(COORDINATOR_NONE.slice(1))) return null;
  const rank = coordinator.charCodeAt(COORDINATOR_ID_SIZE_BYTES - 1);
  return rank <= RANK_MAX ? rank : null;
}
