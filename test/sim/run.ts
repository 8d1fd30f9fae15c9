/** What a simulated run is asked for, and what it has come to. */
import type { ExtensionUse, WorkerUse } from './surroundings.js';
import type { TraceLine } from './trace.js';
import type { Finding } from './world.js';

export interface RunOptions {
  readonly seed: number;
  readonly processCount: number;
  /** How long things go wrong, in simulated seconds. */
  readonly seconds: number;
  /** Numbers of the faults that happen; absent: all of the plan. */
  readonly only?: ReadonlySet<number>;
  /** Whether lines of text are kept. */
  readonly isRecording?: boolean;
  /** Judge by what users see alone: their history, and whether their operations end. */
  readonly isBlackBox?: boolean;
  /** Whether processes use the extension; absent: the seed decides. */
  readonly extension?: ExtensionUse;
  /** Of each process; `mixed`: the seed decides, from 0 to 3. Default: 0. */
  readonly workers?: WorkerUse;
  /** A cluster of the strict register (strict/strictSimulation.ts), which has no extension and no workers. */
  readonly isStrict?: boolean;
  /** Of a strict cluster: what happens is not drawn, but that schedule is played (strict/schedules.ts). */
  readonly schedule?: string;
}

export interface RunResult {
  readonly hash: string;
  readonly finding: Finding | null;
  readonly counts: ReadonlyMap<string, number>;
  readonly plan: readonly PlanLine[];
  readonly lines: readonly TraceLine[];
  /** Simulated. */
  readonly seconds: number;
}

/** A planned fault, of whatever kind of cluster. */
export interface PlanLine {
  /** Counted from 1: names it in `--only`. */
  readonly number: number;
  readonly atMs: number;
  readonly fault: { readonly kind: string };
}
