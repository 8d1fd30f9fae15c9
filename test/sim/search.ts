/** Many runs, one seed after the other; what failed, and what of it is needed to fail. */
import { Counts } from './counts.js';
import type { RunOptions, RunResult } from './run.js';
import { simulate } from './simulation.js';
import { simulateStrict } from './strict/strictSimulation.js';

export interface Failure {
  readonly seed: number;
  readonly check: string;
  readonly text: string;
}

export interface SearchResult {
  readonly runs: number;
  readonly failures: readonly Failure[];
  readonly counts: Counts;
  /** Simulated, of all runs together. */
  readonly seconds: number;
}

export interface SearchOptions {
  readonly seeds: readonly number[];
  readonly run: Omit<RunOptions, 'seed'>;
  /** No more runs after so many failures. */
  readonly failuresMax: number;
  readonly onRun: (result: RunResult, seed: number) => void;
}

/** A cluster of the kind that is asked for. */
export function simulateAny(options: RunOptions): RunResult {
  return options.isStrict === true ? simulateStrict(options) : simulate(options);
}

export function search({ seeds, run, failuresMax, onRun }: SearchOptions): SearchResult {
  const failures: Failure[] = [];
  const counts = new Counts();
  let seconds = 0;
  let runs = 0;
  for (const seed of seeds) {
    const result = simulateAny({ ...run, seed });
    runs += 1;
    seconds += result.seconds;
    counts.addAll(result.counts);
    onRun(result, seed);
    if (result.finding === null) continue;
    failures.push({ seed, check: result.finding.check, text: result.finding.text });
    if (failures.length >= failuresMax) break;
  }
  return { runs, failures, counts, seconds };
}

/**
 * Leaves out as many faults of a failing run's plan as it can, as long as the run fails the same way (Zeller and
 * Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", 2002).
 * @returns the numbers of those that are needed.
 */
export function shrink(options: RunOptions, hasFailed: (result: RunResult) => boolean): ReadonlySet<number> {
  const fails = (numbers: readonly number[]): boolean => hasFailed(simulateAny({ ...options, only: new Set(numbers) }));
  let needed = simulateAny(options).plan.map(({ number }) => number);
  if (options.only !== undefined) needed = needed.filter((number) => options.only?.has(number));
  for (let size = Math.ceil(needed.length / 2); size >= 1; size = size === 1 ? 0 : size >> 1) {
    for (let from = 0; from < needed.length;) {
      const left = [...needed.slice(0, from), ...needed.slice(from + size)];
      if (fails(left)) needed = left;
      else from += size;
    }
  }
  return new Set(needed);
}
