/**
 * A process with workers is as many members of as many clusters, which share its rank, its address and its keys: shard
 * i of all processes keeps the sectors whose index modulo the number of shards is i (docs/adr/0021-workers.md).
 */
export interface Shard {
  /** From 0. */
  readonly index: number;
  readonly count: number;
}

export function isOfShard(sector: number, { index, count }: Shard): boolean {
  return sector % count === index;
}
