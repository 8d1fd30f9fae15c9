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
 * Timestamps from here up are refused from the network. At one write a nanosecond a sector gets there in 292 years; a
 * peer that claims such a stamp is broken, and accepting it could push a timestamp past what 64 bits hold.
 */
export const TIMESTAMP_REFUSED = 1n << 63n;

/** @returns a number below, at or above 0 as `a` is older than, the same as or newer than `b`. */
export function compareStamps(a: Stamp, b: Stamp): number {
  if (a.timestamp !== b.timestamp) return a.timestamp < b.timestamp ? -1 : 1;
  return a.writeRank - b.writeRank;
}

/**
 * The low bits of timestamps of this implementation: the incarnation that chose it, and its boot. A register has 2^38
 * writes before it runs out of the others: at a thousand a second, eight years.
 */
const BOOT_BITS = 16n;
const INCARNATION_BITS = 8n;
const LOW_BITS = BOOT_BITS + INCARNATION_BITS;

/** Lives of one disk that have a number of their own. */
export const BOOT_MAX = 65_535;
/** Times that a process may lose its disk. */
export const INCARNATION_MAX = 255;

/** By what a process chooses its stamps. */
export interface StampPolicy {
  /** How often the process has lost its disk. */
  readonly incarnation: number;
  /**
   * The number of its boot, which no other boot of its disk has: what it stamps may be sent before it is on its disk.
   * 0: it has none, and may not.
   */
  readonly boot: number;
  /**
   * Timestamps go up by one, as foreign members may expect. Only in incarnation 0, and only if no boot of the disk has
   * had a number.
   */
  readonly isPlain: boolean;
}

export const STAMP_POLICY_PLAIN: StampPolicy = { incarnation: 0, boot: 0, isPlain: true };

/**
 * The stamp that a writer of rank `writeRank` gives a value that follows `highest`.
 *
 * A process that lost its disk, or sent a stamp before that was on its disk, may have chosen stamps that it knows
 * nothing of any more, and must not choose one of them again for another value. So each incarnation
 * (docs/adr/0013-membership.md) and each boot that sends early (docs/adr/0019-overlapped-flush.md) has low bits of its
 * own; and goes far enough up that no stamp of those that count by one is there.
 *
 * No further, whatever the number: a value that was left behind by a process that died must not be above what others
 * write later (docs/adr/0006-client-resubmission.md).
 */
export function nextStamp(highest: Stamp, writeRank: Rank, policy = STAMP_POLICY_PLAIN): Stamp {
  const { incarnation, boot, isPlain } = policy;
  if (isPlain) return { timestamp: highest.timestamp + 1n, writeRank };
  const lowBits = (BigInt(incarnation) << BOOT_BITS) | BigInt(boot);
  return { timestamp: (((highest.timestamp >> LOW_BITS) + 2n) << LOW_BITS) | lowBits, writeRank };
}

/** Whether the process may send stamps of its own before they are on its disk. */
export function maySendEarly({ boot }: StampPolicy): boolean {
  return boot > 0;
}
