/**
 * Mistakes in a configuration, as values. All of them are found before any is reported. Each says where it is, what was
 * found there and what is expected. Secrets are never quoted.
 */
import { AtomicDiskError } from '../src/errors.js';

export interface Mistake {
  /** Where the value was read: a file, an environment variable, or an option of the command line. */
  readonly source: string;
  /** The path of the field inside the source, such as `processes[1]`; empty for the whole source. */
  readonly field: string;
  readonly found: string;
  readonly expected: string;
}

/** A configuration that cannot be used. Its text lists every mistake, one per line. */
export class ConfigInvalid extends AtomicDiskError {
  constructor(readonly mistakes: readonly Mistake[]) {
    super('ATDD_CONFIG_INVALID', describeMistakes(mistakes));
  }
}

export function describeMistakes(mistakes: readonly Mistake[]): string {
  const count = mistakes.length === 1 ? '1 mistake' : `${mistakes.length} mistakes`;
  return [`the configuration has ${count}`, ...mistakes.map(describeMistake)].join('\n');
}

function describeMistake({ source, field, found, expected }: Mistake): string {
  const where = field === '' ? source : `${source}: ${field}`;
  return `  ${where}: found ${found}; expected ${expected}`;
}

const FOUND_LENGTH_MAX = 80;

/** A run of so many hexadecimal digits may be a key in the wrong place. */
const SECRET_PATTERN = /[0-9a-f]{32,}/i;

/** Describes a value from outside in one short line. A value that may be a key is not shown. */
export function describeFound(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value);
  if (SECRET_PATTERN.test(text)) return 'what may be a key (not shown)';
  return text.length <= FOUND_LENGTH_MAX ? text : `${text.slice(0, FOUND_LENGTH_MAX)}…`;
}

/** The candidate that is most similar to a misspelt word; null: none is similar. */
export function nearest(word: string, candidates: readonly string[]): string | null {
  let best: string | null = null;
  let bestDistance = Math.max(1, Math.floor(word.length / 2));
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance > bestDistance || (distance === bestDistance && best !== null)) continue;
    best = candidate;
    bestDistance = distance;
  }
  return best;
}

/** The Levenshtein distance: how many letters must be inserted, deleted or replaced. */
function editDistance(from: string, to: string): number {
  let previous = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let row = 1; row <= from.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= to.length; column += 1) {
      const replaced = (previous[column - 1] ?? 0) + (from[row - 1] === to[column - 1] ? 0 : 1);
      const shifted = Math.min(previous[column] ?? 0, current[column - 1] ?? 0) + 1;
      current.push(Math.min(replaced, shifted));
    }
    previous = current;
  }
  return previous[to.length] ?? 0;
}
