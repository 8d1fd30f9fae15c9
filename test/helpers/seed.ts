/** Random choices that a seed replays: as far as real processes can be replayed at all. */

export interface Dice {
  readonly seed: number;
  /** A whole number, 0 <= n < limit. */
  below(limit: number): number;
  /** A whole number, min <= n < limit. */
  between(min: number, limit: number): number;
  pick<Item>(items: readonly Item[]): Item;
}

/** The seed comes from ATDD_TEST_SEED if it is set. A test prints the one that it used. */
export function chooseSeed(): number {
  const given = process.env['ATDD_TEST_SEED'];
  return given === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(given);
}

/** mulberry32 */
export function dice(seed: number): Dice {
  let state = seed;
  const below = (limit: number): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit);
  };
  return {
    seed,
    below,
    between: (min, limit) => min + below(limit - min),
    pick: (items) => items[below(items.length)],
  };
}
