/** Made-up answers of processes, for the tests of what is concluded from them. */
import type { ClusterStatus, ProcessStatus } from '../../../src/cli/health/clusterStatus.js';
import { disagreementsOf, redundancyOf } from '../../../src/cli/health/redundancy.js';
import type { StatusReport } from '../../../streams/pipelines/status/statusReport.js';

/** Of the configuration of whoever asks. */
export const SECTORS = 1_024;

export const SCRUB: StatusReport['scrub'] = {
  isRunning: false,
  passes: 0,
  position: 0,
  verified: 0,
  damaged: 0,
  behind: 0,
  ahead: 0,
  comparedWith: [],
};

/** Of a process of three in which all is well. */
export function reportOf(rank: number, changes: Partial<StatusReport> = {}): StatusReport {
  return {
    rank,
    processes: 3,
    standing: 'member',
    incarnation: 0,
    written: 40,
    damaged: 0,
    healed: 0,
    operations: 0,
    missed: {},
    missedMore: false,
    connected: [1, 2, 3].filter((other) => other !== rank),
    rebuild: null,
    scrub: SCRUB,
    ...changes,
  };
}

export function processOf(rank: number, changes: Partial<StatusReport> = {}): ProcessStatus {
  return {
    rank,
    address: `127.0.0.1:710${rank}`,
    reachable: true,
    latencyMs: 0.8,
    trouble: null,
    report: reportOf(rank, changes),
    reportTrouble: null,
  };
}

export function downProcess(rank: number): ProcessStatus {
  const untold = { latencyMs: null, report: null };
  return { ...processOf(rank), ...untold, reachable: false, trouble: 'refused' };
}

export function statusOf(processes: readonly ProcessStatus[]): ClusterStatus {
  const read = { quorum: true, readLatencyMs: 2, readTrouble: null };
  const disagreements = disagreementsOf(processes, SECTORS);
  return { processes, ...read, disagreements, redundancy: redundancyOf(processes, disagreements) };
}
