/** What `atdd status` finds out, and prints as JSON. */
import type { ReceivedReport } from './reportFields.js';

export interface ProcessStatus {
  readonly rank: number;
  readonly address: string;
  readonly reachable: boolean;
  readonly latencyMs: number | null;
  /** Why it is not reachable. */
  readonly trouble: string | null;
  /** What it says of itself. */
  readonly report: ReceivedReport | null;
  /** Why there is no report of a process that is reachable. */
  readonly reportTrouble: string | null;
}

export interface Redundancy {
  /** Every process has every sector: it survives as many failures as it ever will. */
  readonly full: boolean;
  /**
   * No copy is missing that time would bring: nothing is left but what somebody has to change in the configurations.
   */
  readonly settled: boolean;
  /** In words: everything that is not as it should be; empty if `full`. */
  readonly reasons: readonly string[];
}

export interface ClusterStatus {
  readonly processes: readonly ProcessStatus[];
  /** Whether a majority answers: a READ of sector 0 was answered. */
  readonly quorum: boolean;
  readonly readLatencyMs: number | null;
  readonly readTrouble: string | null;
  /** In words: where the configurations of the processes differ; empty if nowhere. */
  readonly disagreements: readonly string[];
  readonly redundancy: Redundancy;
}
