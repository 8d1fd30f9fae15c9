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

/** The stamp that a writer of rank `writeRank` gives a value that follows `highest`. */
export function nextStamp(highest: Stamp, writeRank: Rank): Stamp {
  return { timestamp: highest.timestamp + 1n, writeRank };
}
