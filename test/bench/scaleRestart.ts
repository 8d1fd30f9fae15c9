/** How long a process takes to end, to answer again, and to make the cluster whole. */
import type { BenchCluster } from './benchCluster.js';
import { untilWhole } from './whole.js';

const READY_MS_MAX = 120_000;

export interface Restart {
  /** From SIGTERM until it is gone. */
  readonly endMs: number;
  /** From its launch until it answers. */
  readonly pingMs: number;
  /** From its launch until no copy is missing. */
  readonly wholeMs: number;
}

export async function restart({ cluster }: BenchCluster, rank: number): Promise<Restart> {
  const begunMs = performance.now();
  await cluster.stop(rank);
  const launchedMs = performance.now();
  cluster.launch(rank);
  await cluster.waitReady(rank, READY_MS_MAX);
  const answeredMs = performance.now();
  await untilWhole(cluster);
  return {
    endMs: launchedMs - begunMs,
    pingMs: answeredMs - launchedMs,
    wholeMs: performance.now() - launchedMs,
  };
}
