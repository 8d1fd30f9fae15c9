/**
 * A case of a fuzzer: pieces of input, and the check whether what is tested does with them what it should. Everything
 * random is decided when a case is made, so that its pieces can be left out one by one, as long as it still fails.
 */
import type { Dice } from '../helpers/seed.js';

export interface Piece {
  /** Which connection it goes to, where there are several. */
  readonly lane: number;
  readonly bytes: Buffer;
}

export interface Experiment {
  readonly pieces: readonly Piece[];
  /** @returns what is wrong, or null. An exception is wrong too. */
  check(pieces: readonly Piece[]): string | null;
}

/** What is fuzzed, and how often in comparison with others. */
export interface Subject {
  readonly name: string;
  readonly weight: number;
  make(random: Dice): Experiment;
}

export function faultOf(experiment: Experiment, pieces = experiment.pieces): string | null {
  try {
    return experiment.check(pieces);
  } catch (error) {
    return `an exception: ${error instanceof Error ? String(error.stack) : String(error)}`;
  }
}

/** Pieces that still fail, as few and as short as can be found in that time. */
export function shrink(experiment: Experiment, budgetMs: number): readonly Piece[] {
  const giveUpAt = performance.now() + budgetMs;
  let pieces = experiment.pieces;
  const tryInstead = (smaller: readonly Piece[]): boolean => {
    if (performance.now() > giveUpAt || faultOf(experiment, smaller) === null) return false;
    pieces = smaller;
    return true;
  };
  for (let run = pieces.length; run >= 1; run = Math.floor(run / 2)) {
    for (let at = 0; at < pieces.length;) {
      if (!tryInstead(pieces.toSpliced(at, run))) at += run;
    }
  }
  for (let index = 0; index < pieces.length; index += 1) shorten(index);
  return pieces;

  function shorten(index: number): void {
    for (let run = pieces[index].bytes.length; run >= 1; run = Math.floor(run / 2)) {
      for (let at = 0; at < pieces[index].bytes.length;) {
        const { lane, bytes } = pieces[index];
        const rest = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + run)]);
        if (!tryInstead(pieces.toSpliced(index, 1, { lane, bytes: rest }))) at += run;
      }
      if (performance.now() > giveUpAt) return;
    }
  }
}
