/** What the program that makes load (load.ts) is told, and what it tells when it is done. */
import type { ProcessCounters } from '../../src/core/counters.js';

export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

export type TargetSpec =
  | {
      readonly kind: 'library';
      readonly processes: readonly Endpoint[];
      /** Hexadecimal. */
      readonly clientKey: string;
    }
  /** Of an etcd cluster, one member. */
  | { readonly kind: 'etcd'; readonly endpoint: Endpoint };

/** `fill`: writes every item from `from` on once, and measures nothing. */
export type LoadMode = 'write' | 'read' | 'mix' | 'fill';

export interface LoadSpec {
  readonly target: TargetSpec;
  readonly mode: LoadMode;
  readonly connections: number;
  /** Operations under way on each connection. */
  readonly depth: number;
  readonly seconds: number;
  readonly warmUpMs: number;
  /** Sectors, or keys, chosen from at random: 0 to this. */
  readonly items: number;
  /** `fill`: those before it are written already. */
  readonly from: number;
  /** Whose processor time is measured; none: nothing is asked of them, some may be down. */
  readonly pids: readonly number[];
}

/** Of the operations of one kind. */
export interface Latencies {
  /** That were done while it was measured. */
  readonly operations: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

export interface LoadResult extends Latencies {
  /** The longest time in which no operation was done. */
  readonly longestGapMs: number;
  /** User and system time of the processes, and of the program that made the load. */
  readonly processesCpuUs: number;
  readonly clientCpuUs: number;
  /** Of all cores, what programs took that have no part in it. */
  readonly othersShare: number;
  /** What all processes did meanwhile; null: they do not tell. */
  readonly counters: ProcessCounters | null;
}
