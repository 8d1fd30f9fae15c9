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

/** By what a process chooses its stamps. */
export interface StampPolicy {
  /** How often the process has lost its disk. */
  readonly incarnation: number;
  /** No timestamp below this; ends in INCARNATION_BITS zeros. */
  readonly floor: bigint;
  /**
   * A timestamp below this may be sent before it is on the own disk: no later life of this process
   * will choose one. null: none may, and the others may expect timestamps that go up by one.
   */
  readonly reservedBelow: bigint | null;
}

export const STAMP_POLICY_PLAIN: StampPolicy = { incarnation: 0, floor: 0n, reservedBelow: null };

/**
 * The stamp that a writer of rank `writeRank` gives a value that follows `highest`.
 *
 * A process that lost its disk, or sent a stamp before that was on its disk, may have chosen stamps
 * that it knows nothing of any more, and must not choose one of them again for another value. After
 * the first, each of its later incarnations (1, 2, …) has low bits of its own, and goes far enough
 * up that no stamp of incarnation 0, which counts by one, is there
 * (docs/adr/0013-membership.md). Against the second there is the floor
 * (docs/adr/0019-overlapped-flush.md).
 */
export function nextStamp(highest: Stamp, writeRank: Rank, policy = STAMP_POLICY_PLAIN): Stamp {
  const { incarnation, floor, reservedBelow } = policy;
  const isPlain = incarnation === 0 && reservedBelow === null;
  const lowBits = isPlain ? 0n : BigInt(incarnation);
  const above = isPlain
    ? highest.timestamp + 1n
    : (((highest.timestamp >> INCARNATION_BITS) + 2n) << INCARNATION_BITS) | lowBits;
  const lowest = floor | lowBits;
  return { timestamp: above < lowest ? lowest : above, writeRank };
}

/** Whether the process may send that stamp of its own before it is on its disk. */
export function isReserved({ timestamp }: Stamp, { reservedBelow }: StampPolicy): boolean {
  return reservedBelow !== null && timestamp < reservedBelow;
}
