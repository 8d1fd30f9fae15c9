/** The command line of `npm run chaos:hosts`: everything that is wrong with it is told at once. */
import { parseArgs } from 'node:util';
import type { RegisterMode } from '../../src/core/membership/registerMode.js';
import { REGISTER_MODES } from '../../src/core/membership/registerMode.js';

export const SCENARIOS = ['cut', 'hang', 'failover', 'kill', 'contention'] as const;
export type Scenario = (typeof SCENARIOS)[number];

export const CLIENTS = ['nbd', 'library'] as const;
/** How the load of `cut`, `hang` and `kill` reaches the disk. */
export type Client = (typeof CLIENTS)[number];

export const USAGE = `npm run chaos:hosts -- [scenarios] [options]
  scenarios: ${SCENARIOS.join(', ')} (default: all, in this order)
  --short            the form for CI: shorter silences, fewer rounds
  --processes <n>    processes of the cluster, each on a host of its own: 3 to 9 (3)
  --through <client> the load of cut, hang and kill: nbd or library (nbd)
  --members <mode>   how the members keep the sectors: strict or open (strict)
  --rounds <n>       rounds of failover and of kill (20 and 9; short: 3 and 3)
  --seed <n>         makes the same random choices again (default: another each time)
  --expect           fail if a figure is outside the bounds of docs/testing.md`;

export interface CommandLine {
  readonly scenarios: readonly Scenario[];
  readonly isShort: boolean;
  readonly processes: number;
  readonly through: Client;
  readonly members: RegisterMode;
  /** Null: each scenario has its own number. */
  readonly rounds: number | null;
  readonly seed: number;
  readonly expects: boolean;
}

export type ReadOptions =
  | { readonly kind: 'help' }
  | { readonly kind: 'wrong'; readonly mistakes: readonly string[] }
  | { readonly kind: 'good'; readonly options: CommandLine };

const SEED_LIMIT = 2 ** 31;
const ROUNDS_MAX = 1_000;

const OPTIONS = {
  short: { type: 'boolean', default: false },
  processes: { type: 'string', default: '3' },
  through: { type: 'string', default: 'nbd' },
  members: { type: 'string', default: 'strict' },
  rounds: { type: 'string' },
  seed: { type: 'string' },
  expect: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h' },
} as const;

export function readOptions(words: readonly string[]): ReadOptions {
  let given: ReturnType<typeof parse>;
  try {
    given = parse(words);
  } catch (error) {
    return { kind: 'wrong', mistakes: [(error as Error).message] };
  }
  const { values, positionals } = given;
  if (values.help === true) return { kind: 'help' };
  const mistakes: string[] = [];
  const number = (name: string, text: string, min: number, max: number): number => {
    const found = text.trim() === '' ? NaN : Number(text);
    if (!(Number.isInteger(found) && found >= min && found <= max)) {
      mistakes.push(`--${name}: found "${text}", expected a whole number from ${min} to ${max}`);
    }
    return found;
  };
  for (const name of positionals.filter((word) => !isOneOf(SCENARIOS, word))) {
    mistakes.push(`found "${name}", expected a scenario: ${SCENARIOS.join(', ')}`);
  }
  const { through, members } = values;
  if (!isOneOf(CLIENTS, through)) mistakes.push(`--through: found "${through}", expected ${CLIENTS.join(' or ')}`);
  if (!isOneOf(REGISTER_MODES, members)) {
    mistakes.push(`--members: found "${members}", expected ${REGISTER_MODES.join(' or ')}`);
  }
  const options: CommandLine = {
    scenarios: SCENARIOS.filter((name) => positionals.length === 0 || positionals.includes(name)),
    isShort: values.short,
    processes: number('processes', values.processes, 3, 9),
    through: through === 'library' ? 'library' : 'nbd',
    members: members === 'open' ? 'open' : 'strict',
    rounds: values.rounds === undefined ? null : number('rounds', values.rounds, 1, ROUNDS_MAX),
    seed:
      values.seed === undefined
        ? Math.floor(Math.random() * SEED_LIMIT)
        : number('seed', values.seed, 0, SEED_LIMIT - 1),
    expects: values.expect,
  };
  return mistakes.length > 0 ? { kind: 'wrong', mistakes } : { kind: 'good', options };
}

const isOneOf = (names: readonly string[], word: string): boolean => names.includes(word);

function parse(words: readonly string[]) {
  return parseArgs({ args: [...words], options: OPTIONS, allowPositionals: true });
}
