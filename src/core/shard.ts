/**
 * A shard is the part of the sectors that one worker keeps. Shard i of all processes is a cluster of its own, with the
 * same ranks, addresses and keys; it keeps the sectors whose index modulo the number of shards is i
 * (docs/adr/0021-workers.md).
 */
export interface Shard {
  /** Counted from 0. */
  readonly index: number;
  readonly count: number;
}

export function isOfShard(sector: number, { index, count }: Shard): boolean {
  return sector % count === index;
}
