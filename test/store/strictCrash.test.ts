/**
 * A crash at any step of a commit of a whole extent, and of the upgrade that lets the store have such commits: each
 * sector is wholly as it was or wholly as it was put.
 */
import test from 'ava';
import { concatMap } from 'rxjs';
import { ZERO_SECTOR } from '../../src/core/sector.js';
import { dataOf, isSame, simulate, stampOf, versionOf, watch } from './storeHarness.js';
import { openStrict, rangeData, sectorsOf, strictStamp, writeOf } from './strictHarness.js';

const SECTORS = 256;
const SEEDS = 120;
const RANGE = { first: 256, count: SECTORS };
/** These keep their data, and get a stamp in the same commit. */
const KEPT = { first: 1_000, count: 8 };

/** The name of the data that a sector has in a write; 0: zeros. */
const nameIn = (counter: number) => (sector: number) => ((sector + counter) % 7 === 0 ? 0 : counter);

const contentOf = (sector: number, counter: number): Uint8Array => {
  const name = nameIn(counter)(sector);
  return name === 0 ? ZERO_SECTOR : dataOf(sector * 100_000 + name);
};

test(`a crash in the middle of a commit of ${SECTORS} sectors: each is as it was, or as it was put`, (t) => {
  const seen = { old: 0, put: 0, mixed: 0, acknowledged: 0, startsCut: 0, undone: 0 };
  for (let seed = 0; seed < SEEDS; seed += 1) {
    const simulation = simulate(seed, SECTORS + KEPT.count);
    const { disk, dice } = simulation;
    let store = openStrict(simulation);
    const first = [writeOf(RANGE, 1, rangeData(RANGE, nameIn(1))), writeOf(KEPT, 1)];
    t.is(simulation.valueOf(store.putRanges(first)), 'stored');
    // Writes of sectors, the flush, the commit, and the note that it is complete.
    disk.crashAtStep = disk.stepCount + 1 + (dice.below(2) === 0 ? dice.below(230) : 218 + dice.below(8));
    const second = writeOf(RANGE, 2, rangeData(RANGE, nameIn(2)));
    const kept = { range: KEPT, stamp: strictStamp(2), origin: strictStamp(1), data: { held: strictStamp(1) } };
    const outcome = watch(store.putRanges([second, kept]));
    simulation.run();
    if (disk.crashAtStep < Number.POSITIVE_INFINITY) disk.crash();
    while (dice.below(3) === 0) {
      disk.crashAtStep = disk.stepCount + 1 + dice.below(300);
      if (simulation.tryOpen().isComplete) disk.crash();
      else seen.startsCut += 1;
    }
    store = openStrict(simulation);
    const copies = sectorsOf(simulation.valueOf(store.loadRange(RANGE)));
    const counters = copies.map((copy, index) => {
      const sector = RANGE.first + index;
      const { stamp, origin } = store.versionOf(sector);
      t.deepEqual(origin, stamp);
      const counter = Number(stamp.counter);
      t.true(counter === 1 || counter === 2);
      t.true(copy !== 'damaged' && isSame(copy, contentOf(sector, counter)), `seed ${seed}, sector ${sector}`);
      return counter;
    });
    t.true(sectorsOf(simulation.valueOf(store.loadRange(KEPT))).every((copy) => copy !== 'damaged'));
    t.deepEqual(store.versionOf(KEPT.first).origin, strictStamp(1));
    if (outcome.values.length > 0) {
      seen.acknowledged += 1;
      t.true(counters.every((counter) => counter === 2));
      t.deepEqual(store.versionOf(KEPT.first).stamp, strictStamp(2));
    }
    const putCount = counters.filter((counter) => counter === 2).length;
    if (putCount === 0) seen.old += 1;
    else if (putCount === SECTORS) seen.put += 1;
    else seen.mixed += 1;
    seen.undone += simulation.log.lines.filter(({ fields }) => fields['event'] === 'commitUndone').length;
  }
  t.log(seen);
  t.true(Object.values(seen).every((count) => count > 0));
});

test('a crash at any step of the upgrade leaves a store of before it or of after it', (t) => {
  const seen = new Set<boolean>();
  for (let seed = 0; seed < 20; seed += 1) {
    for (let step = 1; step < 12; step += 1) {
      const simulation = simulate(seed);
      const { disk } = simulation;
      const before = simulation.open();
      t.is(simulation.valueOf(before.put(3, stampOf(4), dataOf(3))), 'stored');
      disk.crashAtStep = disk.stepCount + step;
      const put = writeOf({ first: 3, count: 1 }, 5);
      watch(before.openStrict().pipe(concatMap((store) => store.putRanges([put]))));
      simulation.run();
      disk.crash();
      seen.add(disk.allowsStrict);
      // Without the upgrade, the store of the base protocol goes on.
      const again = simulation.open();
      if (!disk.allowsStrict) {
        t.deepEqual(again.stampOf(3), stampOf(4));
        t.is(simulation.valueOf(again.put(3, stampOf(5), dataOf(5))), 'stored');
        continue;
      }
      const store = simulation.valueOf(again.openStrict());
      const isOld = store.versionOf(3).stamp.counter === 4n;
      if (isOld) t.deepEqual(store.versionOf(3), versionOf(4));
      const [copy] = sectorsOf(simulation.valueOf(store.loadRange({ first: 3, count: 1 })));
      t.true(copy !== 'damaged' && isSame(copy, isOld ? dataOf(3) : dataOf(300_005)));
    }
  }
  t.is(seen.size, 2);
});
