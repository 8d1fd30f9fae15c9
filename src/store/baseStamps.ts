/**
 * Stamps of the base protocol as stamps of the strict register, in which the store keeps all of them: the timestamp is
 * the counter, and the write rank stands in the last byte of a coordinator id whose other bytes are 0. Their order is
 * the same.
 */
import { assert } from '../core/assert.js';
import type { Stamp } from '../core/stamp.js';
import {
  COORDINATOR_ID_SIZE_BYTES,
  COORDINATOR_NONE,
  type CoordinatorId,
  type StrictStamp,
} from '../core/strict/version.js';

const LAST = COORDINATOR_ID_SIZE_BYTES - 1;
const ZEROS = COORDINATOR_NONE.slice(0, LAST);

/** By the byte that a record has for the write rank. Those of the ranks are those of `coordinatorOfRank`. */
const COORDINATORS: readonly CoordinatorId[] = Array.from(
  { length: 256 },
  (_, rankByte) => ZEROS + String.fromCharCode(rankByte),
);

/** @param rankByte 0 to 255. */
export function coordinatorOfByte(rankByte: number): CoordinatorId {
  return COORDINATORS[rankByte];
}

/** @returns the last byte of an id whose other bytes are 0; -1: it has others. */
export function rankByteOf(coordinator: CoordinatorId): number {
  // Random ids differ in the first byte, most of them.
  return coordinator.charCodeAt(0) === 0 && coordinator.startsWith(ZEROS) ? coordinator.charCodeAt(LAST) : -1;
}

export function strictStampOf({ timestamp, writeRank }: Stamp): StrictStamp {
  return { counter: timestamp, coordinator: COORDINATORS[writeRank] };
}

/** The stamp must be one of the base protocol: there are no others in the store of an open cluster. */
export function baseStampOf({ counter, coordinator }: StrictStamp): Stamp {
  const writeRank = rankByteOf(coordinator);
  assert(writeRank >= 0, 'a stamp of the strict register is asked for as one of the base protocol');
  return { timestamp: counter, writeRank };
}

export function isSameStamp(a: StrictStamp, b: StrictStamp): boolean {
  return a === b || (a.counter === b.counter && a.coordinator === b.coordinator);
}
