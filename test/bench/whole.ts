/** A cluster that has as many copies of everything as there can be. */
import type { Cluster } from '../helpers/cluster.js';
import type { ProcessStatus } from '../helpers/processStatus.js';
import { untilStatus } from '../helpers/processStatus.js';

const WHOLE_MS_MAX = 120_000;

/** @throws with what one process says, if that takes too long. */
export async function untilWhole(cluster: Cluster): Promise<void> {
  for (const rank of cluster.ranks) {
    await untilStatus(cluster, rank, WHOLE_MS_MAX, (status) => seesWhole(status, cluster.ranks));
  }
}

/** What `atdd status --wait-full` waits for, as one process sees it. */
export function seesWhole(status: ProcessStatus, ranks: readonly number[]): boolean {
  const { rank, standing, connected, damaged, missed, missedMore } = status;
  const isComplete = standing === 'member' && damaged === 0 && !missedMore;
  const isOwed = Object.values(missed).some((count) => count > 0);
  return isComplete && !isOwed && ranks.every((one) => one === rank || connected.includes(one));
}
