/** The command line of `npm run chaos`: everything that is wrong with it is told at once. */
import { parseArgs } from 'node:util';

export const USAGE = `npm run chaos -- [options]
  --minutes <m>           how long the cluster is mistreated; fractions are fine (1)
  --processes <n>         processes of the cluster: 3, 4 or 5 (3)
  --clients <n>           raw clients, which never send anything twice (12)
  --library-clients <n>   clients of the library, which send again (3)
  --seed <n>              makes the same random choices again (default: another each time)
  --out <file>            also write the history there; without it only a failure is written`;

export interface CommandLine {
  readonly minutes: number;
  readonly processes: number;
  readonly clients: number;
  readonly libraryClients: number;
  readonly seed: number;
  readonly out: string | null;
}

export type ReadOptions =
  | { readonly kind: 'help' }
  | { readonly kind: 'wrong'; readonly mistakes: readonly string[] }
  | { readonly kind: 'good'; readonly options: CommandLine };

const MINUTES_MAX = 24 * 60;
const SEED_LIMIT = 2 ** 31;

const OPTIONS = {
  minutes: { type: 'string', default: '1' },
  processes: { type: 'string', default: '3' },
  clients: { type: 'string', default: '12' },
  'library-clients': { type: 'string', default: '3' },
  seed: { type: 'string' },
  out: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const;

export function readOptions(words: readonly string[]): ReadOptions {
  let values: ReturnType<typeof parse>;
  try {
    values = parse(words);
  } catch (error) {
    return { kind: 'wrong', mistakes: [(error as Error).message] };
  }
  if (values.help === true) return { kind: 'help' };
  const mistakes: string[] = [];
  const number = (name: string, text: string, min: number, max: number): number => {
    const found = text.trim() === '' ? NaN : Number(text);
    const isWhole = name === 'minutes' || Number.isInteger(found);
    if (!(isWhole && found >= min && found <= max)) {
      const kind = name === 'minutes' ? 'a number' : 'a whole number';
      mistakes.push(`--${name}: found "${text}", expected ${kind} from ${min} to ${max}`);
    }
    return found;
  };
  const options: CommandLine = {
    minutes: number('minutes', values.minutes, 0, MINUTES_MAX),
    processes: number('processes', values.processes, 3, 5),
    clients: number('clients', values.clients, 1, 100),
    libraryClients: number('library-clients', values['library-clients'], 1, 50),
    seed:
      values.seed === undefined
        ? Math.floor(Math.random() * SEED_LIMIT)
        : number('seed', values.seed, 0, SEED_LIMIT - 1),
    out: values.out ?? null,
  };
  return mistakes.length > 0 ? { kind: 'wrong', mistakes } : { kind: 'good', options };
}

function parse(words: readonly string[]) {
  return parseArgs({ args: [...words], options: OPTIONS }).values;
}
