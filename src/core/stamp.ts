import type { Rank } from './rank.js';

/** Orders the values of a register: by timestamp, then by the rank of the process that wrote. */
export interface Stamp {
  /** u64. 0 = never written. */
  readonly timestamp: bigint;
  /** 0 only in STAMP_INITIAL. */
  readonly writeRank: Rank;
}

/** The stamp of a register that was never written. */
export const STAMP_INITIAL: Stamp = { timestamp: 0n, writeRank: 0 };

/**
 * Timestamps from here up are refused from the network. At one write a nanosecond a sector gets
 * there in 292 years; a peer that claims such a stamp is broken, and accepting it could push a
 * timestamp past what 64 bits hold.
 */
export const TIMESTAMP_REFUSED = 1n << 63n;

/** @returns a number below, at or above 0 as `a` is older than, the same as or newer than `b`. */
export function compareStamps(a: Stamp, b: Stamp): number {
  if (a.timestamp !== b.timestamp) return a.timestamp < b.timestamp ? -1 : 1;
  return a.writeRank - b.writeRank;
}

/** Incarnations take the low bits of the timestamps that they choose. */
const INCARNATION_BITS = 16n;
/** Times that a process may lose its disk. */
export const INCARNATION_MAX = 65_535;

/**
 * The stamp that a writer of rank `writeRank` gives a value that follows `highest`.
 *
 * A process that lost its disk may have chosen stamps that it knows nothing of any more, and must
 * not choose one of them again for another value. So each of its later incarnations (1, 2, …) has
 * low bits of its own, and goes far enough up that no stamp of incarnation 0, which counts by one,
 * is there (docs/adr/0013-membership.md).
 */
export function nextStamp(highest: Stamp, writeRank: Rank, incarnation = 0): Stamp {
  if (incarnation === 0) return { timestamp: highest.timestamp + 1n, writeRank };
  const above = (highest.timestamp >> INCARNATION_BITS) + 2n;
  return { timestamp: (above << INCARNATION_BITS) | BigInt(incarnation), writeRank };
}
