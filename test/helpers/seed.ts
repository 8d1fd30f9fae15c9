/** Random choices that a seed replays: as far as real processes can be replayed at all. */
import { createHash } from 'node:crypto';

export interface Dice {
  readonly seed: number;
  /** A whole number, 0 <= n < limit. */
  below(limit: number): number;
  /** A whole number, min <= n < limit. */
  between(min: number, limit: number): number;
  pick<Item>(items: readonly Item[]): Item;
  /** True in so many of a hundred cases. */
  chance(percent: number): boolean;
  bytes(length: number): Buffer;
}

/** The seed comes from ATDD_TEST_SEED if it is set. A test prints the one that it used. */
export function chooseSeed(): number {
  const given = process.env['ATDD_TEST_SEED'];
  return given === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(given);
}

/** A seed of its own for each part of what one seed decides. */
export function seedOf(seed: number, ...part: readonly (string | number)[]): number {
  return createHash('sha256')
    .update(JSON.stringify([seed, ...part]))
    .digest()
    .readUInt32BE();
}

/** mulberry32 */
export function dice(seed: number): Dice {
  let state = seed;
  /** 32 bits. */
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  const below = (limit: number): number => Math.floor((next() / 2 ** 32) * limit);
  return {
    seed,
    below,
    between: (min, limit) => min + below(limit - min),
    pick: (items) => items[below(items.length)],
    chance: (percent) => below(100) < percent,
    bytes: (length) => {
      const words = Buffer.alloc(Math.ceil(length / 4) * 4);
      for (let at = 0; at < length; at += 4) words.writeUInt32LE(next(), at);
      return words.subarray(0, length);
    },
  };
}
