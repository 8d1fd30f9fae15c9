/** The result of `atdd status`, which it also prints as JSON. */
import type { ReceivedReport } from './reportFields.js';

export interface ProcessStatus {
  readonly rank: number;
  readonly address: string;
  readonly reachable: boolean;
  readonly latencyMs: number | null;
  /** Why it is not reachable. */
  readonly trouble: string | null;
  /** Its status report. */
  readonly report: ReceivedReport | null;
  /** Why there is no report of a process that is reachable. */
  readonly reportTrouble: string | null;
}

export interface Redundancy {
  /** Whether every process has every sector, so that the cluster survives as many failures as it can. */
  readonly full: boolean;
  /** Whether no missing copy will come by itself any more: all that is left has to be changed in the configurations. */
  readonly settled: boolean;
  /** In words: everything that is missing or wrong; empty if `full`. */
  readonly reasons: readonly string[];
}

export interface ClusterStatus {
  readonly processes: readonly ProcessStatus[];
  /** Whether a majority answers: a READ of sector 0 was answered. */
  readonly quorum: boolean;
  readonly readLatencyMs: number | null;
  readonly readTrouble: string | null;
  /** In words: where the configurations of the processes differ; empty if they do not. */
  readonly disagreements: readonly string[];
  readonly redundancy: Redundancy;
}
