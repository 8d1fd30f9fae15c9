/** What benches take on the command line. */
import { parseArgs } from 'node:util';

export interface CommonOptions {
  readonly seconds: number;
  /** How often all of it is measured; of each row the median counts. */
  readonly rounds: number;
  readonly json: string | null;
  readonly savesBaseline: boolean;
  readonly isProfiled: boolean;
  /** null: a temporary one. */
  readonly profileFolder: string | null;
  readonly hasEtcd: boolean;
  /** As the configuration field of that name. */
  readonly extension: 'on' | 'off';
  /** As the configuration field of that name. */
  readonly workers: number;
}

const TEXT = { type: 'string' } as const;
const FLAG = { type: 'boolean' } as const;

export const COMMON_USAGE = `  --seconds <s>       how long each row is measured (5)
  --rounds <n>        how often all rows are measured: the median of each counts (1)
  --json <file>       also write the result there
  --save-baseline     make this the baseline in docs/benchmarks.json
  --profile           have the profiler of Node run in every process, and sum up
  --profile-folder <folder>   where the profiles go (a temporary one)
  --without-etcd      leave the yardstick out
  --extension <on>    on, or off: only messages of the protocol between the processes (on)
  --workers <k>       threads of each process (0)`;

const COMMON = {
  seconds: TEXT,
  rounds: TEXT,
  json: TEXT,
  'save-baseline': FLAG,
  profile: FLAG,
  'profile-folder': TEXT,
  'without-etcd': FLAG,
  extension: TEXT,
  workers: TEXT,
  help: { type: 'boolean', short: 'h' },
} as const;

const ROUNDS_MAX = 100;

export interface ParsedOptions {
  readonly common: CommonOptions;
  /** The others, each with its value. */
  readonly own: Readonly<Record<string, string | undefined>>;
}

/** @returns null: help was asked for. @throws with what is wrong with the words. */
export function parseOptions(words: readonly string[], ownNames: readonly string[]): ParsedOptions | null {
  const own = Object.fromEntries(ownNames.map((name) => [name, TEXT]));
  const { values } = parseArgs({ args: [...words], options: { ...own, ...COMMON } });
  if (values.help === true) return null;
  const seconds = secondsOption(values.seconds);
  const rounds = wholeOption({ rounds: values.rounds }, 'rounds', ROUNDS_MAX) ?? 1;
  const common = {
    seconds,
    rounds,
    json: values.json ?? null,
    savesBaseline: values['save-baseline'] === true,
    isProfiled: values.profile === true || values['profile-folder'] !== undefined,
    profileFolder: values['profile-folder'] ?? null,
    hasEtcd: values['without-etcd'] !== true,
    extension: extensionOption(values.extension),
    workers: Number(values.workers ?? 0),
  };
  const ownValues = values as Readonly<Record<string, unknown>>;
  const given = ownNames.map((name) => [name, ownValues[name]]);
  return { common, own: Object.fromEntries(given) as Record<string, string | undefined> };
}

/** @throws if it is none. */
export function secondsOption(text: string | undefined): number {
  const seconds = Number(text ?? 5);
  if (seconds >= 1) return seconds;
  throw new Error('--seconds has to be 1 or more');
}

/** @throws if it is none. */
export function extensionOption(text = 'on'): CommonOptions['extension'] {
  if (text === 'on' || text === 'off') return text;
  throw new Error(`--extension has to be on or off, not ${text}`);
}

/** @throws if it is none. */
export function wholeOption(own: ParsedOptions['own'], name: string, max: number): number | undefined {
  const text = own[name];
  if (text === undefined) return undefined;
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= max) return value;
  throw new Error(`--${name} has to be a whole number from 1 to ${max}, not ${text}`);
}

/**
 * What a program was told on its command line. Ends the program where that is wrong.
 * @param parse null: help was asked for.
 */
export function orExit<T>(usage: string, parse: () => T | null): T {
  try {
    const parsed = parse();
    if (parsed !== null) return parsed;
    process.stdout.write(`${usage}\n`);
    process.exit(0);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${usage}\n`);
    process.exit(2);
  }
}
