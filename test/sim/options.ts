/** The command line of `npm run simulate`. */
import { parseArgs } from 'node:util';
import { DELIBERATE_FAULTS } from './deliberateFaults.js';
import type { ExtensionUse, WorkerUse } from './surroundings.js';

export interface CliOptions {
  /** The first seed; null: a fresh one is drawn. */
  readonly seed: number | null;
  readonly processCount: number;
  readonly seconds: number;
  readonly runs: number;
  /** Runs side by side, each in a process of its own. */
  readonly jobs: number;
  readonly only: ReadonlySet<number> | null;
  readonly isTraced: boolean;
  readonly isShrunk: boolean;
  readonly isBlackBox: boolean;
  /** Clusters of the strict register. */
  readonly isStrict: boolean;
  /** Of strict clusters: the name of a schedule that is played. */
  readonly schedule: string | null;
  /** null: the seed decides. */
  readonly extension: ExtensionUse | null;
  readonly workers: WorkerUse;
  /** A deliberate fault. */
  readonly inject: string | null;
  /** No more runs after so many failures. */
  readonly failuresMax: number;
  /** Print the result of a part of a search for the program that started this one. */
  readonly isPart: boolean;
}

export const USAGE = `npm run simulate -- [options]

  --seed S        the first seed, 0 to 4294967295; without it a fresh one is drawn and printed
  --runs K        seeds S, S + 1, …: so many runs (default 1 with --seed, else 200)
  --processes N   processes of the cluster, 1 to 9 (default 3)
  --seconds T     how long things go wrong, simulated, 1 to 3600 (default 5)
  --jobs J        runs side by side, 1 to 64 (default 1)
  --failures F    no more runs after so many failures (default 5)
  --trace         print everything that happens in a run
  --shrink        leave out what is not needed for a failure
  --only A,B,C    of the plan of faults, only those numbers
  --members M     how the members keep the sectors: strict or open (default strict; with --inject the mode that the
                  fault is made for)
  --schedule NAME of strict clusters: that schedule in place of random faults, see test/sim/strict/schedules.ts
  --black-box     judge by what users see alone
  --extension U   of open clusters: on, off, or mixed: of processes in some of their lives; else the seed decides
  --workers K     of open clusters: workers of each process, 0 to 8, or mixed: the seed decides, from 0 to 3
                  (default 0)
  --inject NAME   put a deliberate fault into the code; see npm run simulate:faults`;

const FAILURES_MAX = 5;

export class UsageError extends Error {}

export function parseOptions(args: readonly string[]): CliOptions {
  const { values } = parseStrictly(args);
  const number = (name: string, text: string | undefined, min: number, max: number) => {
    if (text === undefined) return null;
    const value = Number(text);
    if (Number.isInteger(value) && value >= min && value <= max) return value;
    throw new UsageError(`--${name} is a whole number from ${min} to ${max}, not "${text}"`);
  };
  const seed = number('seed', values.seed, 0, 2 ** 32 - 1);
  const isStrict = isStrictOf(values.members, values.inject);
  const elsewhere = isStrict ? (['extension', 'workers'] as const) : (['schedule'] as const);
  for (const name of elsewhere) {
    if (values[name] === undefined) continue;
    throw new UsageError(`--${name} needs --members ${isStrict ? 'open' : 'strict'}`);
  }
  return {
    seed,
    runs: number('runs', values.runs, 1, 10_000_000) ?? (seed === null ? 200 : 1),
    processCount: number('processes', values.processes, 1, 9) ?? 3,
    seconds: number('seconds', values.seconds, 1, 3_600) ?? 5,
    jobs: number('jobs', values.jobs, 1, 64) ?? 1,
    only: values.only === undefined ? null : new Set(values.only.split(',').map(Number)),
    isTraced: values.trace === true,
    isShrunk: values.shrink === true,
    isBlackBox: values['black-box'] === true,
    isStrict,
    schedule: values.schedule ?? null,
    extension: extensionUse(values.extension),
    workers: values.workers === 'mixed' ? 'mixed' : (number('workers', values.workers, 0, 8) ?? 0),
    inject: values.inject ?? null,
    failuresMax: number('failures', values.failures, 1, 1_000) ?? FAILURES_MAX,
    isPart: values.part === true,
  };
}

function isStrictOf(members: string | undefined, inject: string | undefined): boolean {
  if (members === 'strict' || members === 'open') return members === 'strict';
  if (members !== undefined) throw new UsageError(`--members is strict or open, not "${members}"`);
  const fault = DELIBERATE_FAULTS.find(({ name }) => name === inject);
  return fault === undefined || fault.isStrict === true;
}

function extensionUse(text: string | undefined): ExtensionUse | null {
  if (text === undefined) return null;
  if (text === 'on' || text === 'off' || text === 'mixed') return text;
  throw new UsageError(`--extension is on, off or mixed, not "${text}"`);
}

function parseStrictly(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        seed: { type: 'string' },
        runs: { type: 'string' },
        processes: { type: 'string' },
        seconds: { type: 'string' },
        jobs: { type: 'string' },
        only: { type: 'string' },
        trace: { type: 'boolean' },
        shrink: { type: 'boolean' },
        'black-box': { type: 'boolean' },
        members: { type: 'string' },
        schedule: { type: 'string' },
        extension: { type: 'string' },
        workers: { type: 'string' },
        inject: { type: 'string' },
        failures: { type: 'string' },
        part: { type: 'boolean' },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}
