/** The table of promises against a plain map, over operations drawn from fixed seeds. */
import test from 'ava';
import { PromiseTable } from '../../../src/core/strict/promises.js';
import { REGION_SECTORS } from '../../../src/core/strict/range.js';
import {
  STRICT_STAMP_INITIAL,
  compareStrictStamps,
  laterOf,
  type StrictStamp,
} from '../../../src/core/strict/version.js';
import { randomFrom } from './explore.js';
import { range, stamp } from './make.js';

/** Four places at the border of two regions, and two in others. */
const SECTORS = [REGION_SECTORS - 2, REGION_SECTORS - 1, REGION_SECTORS, REGION_SECTORS + 1, 5000, 9000];

interface Copies {
  readonly promised: Map<number, StrictStamp>;
  readonly stored: Map<number, StrictStamp>;
}

/** One ORDER or STORE at random, above all before it; both sides are told. */
function step(
  table: PromiseTable,
  { promised, stored }: Copies,
  counter: number,
  random: (bound: number) => number,
): void {
  const sector = SECTORS[random(SECTORS.length)];
  const isStore = random(3) === 0;
  const now = table.promisedOf(sector, stored.get(sector) ?? STRICT_STAMP_INITIAL);
  const next = laterOf(stamp(counter), stamp(Number(now.counter) + 1));
  if (isStore) {
    stored.set(sector, next);
    table.meet(range(sector, 1), next);
  } else table.promise(range(sector, 1), next);
  promised.set(sector, next);
}

for (const promisesMax of [1, 2, 100]) {
  test(`with room for ${promisesMax}, no promise is ever lost`, (t) => {
    for (let seed = 1; seed <= 40; seed += 1) {
      const random = randomFrom(seed);
      const table = new PromiseTable(promisesMax);
      const copies: Copies = { promised: new Map(), stored: new Map() };
      for (let counter = 1; counter <= 60; counter += 1) {
        step(table, copies, counter, random);
        for (const sector of SECTORS) {
          const right = copies.promised.get(sector) ?? STRICT_STAMP_INITIAL;
          const said = table.promisedOf(sector, copies.stored.get(sector) ?? STRICT_STAMP_INITIAL);
          const difference = compareStrictStamps(said, right);
          t.true(promisesMax === 100 ? difference === 0 : difference >= 0, `seed ${seed}, sector ${sector}`);
        }
        t.true(table.counts().promises <= promisesMax);
      }
    }
  });
}

test('beyond the bound, promises of the region that has most become its highest one, for these sectors', (t) => {
  const table = new PromiseTable(3);
  table.promise(range(0, 1), stamp(7));
  table.promise(range(2, 1), stamp(9));
  table.promise(range(5000, 1), stamp(8));
  t.deepEqual(table.counts(), { promises: 3, floors: 0 });
  table.promise(range(4, 1), stamp(6));
  t.deepEqual(table.counts(), { promises: 1, floors: 1 });
  t.deepEqual(
    [0, 1, 2, 4, 5000].map((sector) => table.promisedOf(sector, stamp(1)).counter),
    [9n, 1n, 9n, 9n, 8n],
  );
  for (const sector of [0, 2, 4]) table.meet(range(sector, 1), stamp(9));
  t.false(table.isOpen(0));
  t.true(table.isOpen(4));
});
