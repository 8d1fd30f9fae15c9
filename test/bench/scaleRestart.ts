/** How long a process takes to end, to answer again, and to make the cluster whole. */
import type { ProcessStatus } from '../helpers/processStatus.js';
import { untilStatus } from '../helpers/processStatus.js';
import type { BenchCluster } from './benchCluster.js';

const READY_MS_MAX = 120_000;
const WHOLE_MS_MAX = 120_000;

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
  for (const other of cluster.ranks) {
    await untilStatus(cluster, other, WHOLE_MS_MAX, (status) => seesWhole(status, cluster.ranks));
  }
  return {
    endMs: launchedMs - begunMs,
    pingMs: answeredMs - launchedMs,
    wholeMs: performance.now() - launchedMs,
  };
}

/** What `atdd status --wait-full` waits for, as one process sees it. */
export function seesWhole(status: ProcessStatus, ranks: readonly number[]): boolean {
  const { rank, standing, connected, damaged, missed, missedMore } = status;
  const isComplete = standing === 'member' && damaged === 0 && !missedMore;
  const isOwed = Object.values(missed).some((count) => count > 0);
  return isComplete && !isOwed && ranks.every((one) => one === rank || connected.includes(one));
}
