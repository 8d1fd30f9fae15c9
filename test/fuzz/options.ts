/** The command line of `npm run fuzz`. */
import { parseArgs } from 'node:util';

export const TARGETS = ['decoders', 'processes', 'nbd'] as const;
export type Target = (typeof TARGETS)[number];

export interface FuzzOptions {
  readonly minutes: number;
  readonly seed: number;
  readonly targets: readonly Target[];
  /** The only case to be run, of the decoders; null: as many as there is time for. */
  readonly caseNumber: number | null;
}

export const USAGE = `npm run fuzz -- [options]
  --minutes <m>   how long, over all that is fuzzed; fractions too (5)
  --seed <s>      makes the same inputs again (a fresh one, which is printed)
  --only <what>   ${TARGETS.join(', ')}
  --case <n>      one case of the decoders, by its number`;

const SEED_MAX = 2 ** 32 - 1;

export class UsageError extends Error {}

/** @throws {UsageError} */
export function parseOptions(words: readonly string[], freshSeed: number): FuzzOptions | 'help' {
  const { minutes, seed, only, case: caseText, help } = valuesOf(words);
  if (help === true) return 'help';
  const target = only === undefined ? null : targetOf(only);
  const caseNumber = caseText === undefined ? null : wholeNumber('--case', caseText, SEED_MAX);
  if (caseNumber !== null && target !== null && target !== 'decoders') {
    throw new UsageError(`--case: found with --only ${target}, expected with --only decoders`);
  }
  return {
    minutes: minutes === undefined ? 5 : minutesOf(minutes),
    seed: seed === undefined ? freshSeed : wholeNumber('--seed', seed, SEED_MAX),
    targets: target === null ? (caseNumber === null ? TARGETS : ['decoders']) : [target],
    caseNumber,
  };
}

function valuesOf(words: readonly string[]) {
  const text = { type: 'string' } as const;
  try {
    const { values } = parseArgs({
      args: [...words],
      options: {
        minutes: text,
        seed: text,
        only: text,
        case: text,
        help: { type: 'boolean', short: 'h' },
      },
    });
    return values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function targetOf(word: string): Target {
  const found = TARGETS.find((target) => target === word);
  if (found !== undefined) return found;
  throw new UsageError(`--only: found "${word}", expected one of ${TARGETS.join(', ')}`);
}

function minutesOf(word: string): number {
  const minutes = Number(word);
  if (word.trim() !== '' && minutes > 0 && Number.isFinite(minutes)) return minutes;
  throw new UsageError(`--minutes: found "${word}", expected a number above 0`);
}

function wholeNumber(name: string, word: string, max: number): number {
  const number = Number(word);
  if (/^\d+$/.test(word) && number <= max) return number;
  throw new UsageError(`${name}: found "${word}", expected a whole number from 0 to ${max}`);
}
