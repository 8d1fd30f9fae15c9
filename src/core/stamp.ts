import type { Rank } from './rank.js';

/** Orders the values of a register: by timestamp, then by the rank of the process that wrote the value. */
export interface Stamp {
  /** A u64; 0: never written. */
  readonly timestamp: bigint;
  /** 0 only in STAMP_INITIAL. */
  readonly writeRank: Rank;
}

/** The stamp of a register that was never written. */
export const STAMP_INITIAL: Stamp = { timestamp: 0n, writeRank: 0 };

/**
 * Timestamps from here up are refused from the network. A sector that is written once a nanosecond gets there in 292
 * years, so a peer with such a stamp is broken. If it were accepted, a timestamp could grow beyond 64 bits.
 */
export const TIMESTAMP_REFUSED = 1n << 63n;

/** @returns a number below 0 if `a` is older than `b`, 0 if they are the same, above 0 if `a` is newer. */
export function compareStamps(a: Stamp, b: Stamp): number {
  if (a.timestamp !== b.timestamp) return a.timestamp < b.timestamp ? -1 : 1;
  return a.writeRank - b.writeRank;
}

/**
 * The low bits of this implementation's timestamps: the incarnation and the boot of the process that chose it. The
 * other bits last for 2^38 writes of one register: eight years at a thousand a second.
 */
const BOOT_BITS = 16n;
const INCARNATION_BITS = 8n;
const LOW_BITS = BOOT_BITS + INCARNATION_BITS;

/** The highest boot number of one disk. */
export const BOOT_MAX = 65_535;
/** How often a process may lose its disk. */
export const INCARNATION_MAX = 255;

/** `nextStamp` goes up by less than this. */
export const OPEN_STEP_MAX = 3n << LOW_BITS;

/** How a process chooses its stamps. */
export interface StampPolicy {
  /** How often the process has lost its disk. */
  readonly incarnation: number;
  /**
   * The boot number, which no other boot of the disk has. With one, a value may be sent before it is on the own disk.
   * 0: the boot has no number, and every value is stored first.
   */
  readonly boot: number;
  /**
   * Timestamps go up by one, as foreign members may expect. Allowed only in incarnation 0, and only if no boot of the
   * disk has had a number.
   */
  readonly isPlain: boolean;
}

export const STAMP_POLICY_PLAIN: StampPolicy = { incarnation: 0, boot: 0, isPlain: true };

/**
 * The stamp for a value of the writer `writeRank`.
 * @param highest The highest stamp that the writer knows of.
 *
 * A process that lost its disk, or sent a value before that was on its disk, may have chosen stamps that it does not
 * know any more. It must not choose one of them again for another value. So each incarnation
 * (docs/adr/0013-membership.md) and each boot that sends early (docs/adr/0019-overlapped-flush.md) has low bits of its
 * own. And it goes up so far that it meets no stamp of a writer that goes up by one.
 *
 * It goes up no further, whatever the numbers are: a value that a dead process left behind must not be newer than
 * values that others write later (docs/adr/0006-client-resubmission.md).
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
