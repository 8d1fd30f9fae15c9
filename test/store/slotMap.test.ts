import test from 'ava';
import fc from 'fast-check';
import { SlotMap } from '../../src/store/slotMap.js';

test('it hands out the lowest free slot, whatever was taken and released', (t) => {
  const steps = fc.array(
    fc.oneof(
      { weight: 3, arbitrary: fc.constant({ kind: 'take' as const, pick: 0 }) },
      { weight: 2, arbitrary: fc.nat().map((pick) => ({ kind: 'release' as const, pick })) },
      {
        weight: 1,
        arbitrary: fc.integer({ min: 0, max: 3000 }).map((pick) => ({ kind: 'mark' as const, pick })),
      },
    ),
    { maxLength: 600, size: 'max' },
  );
  fc.assert(
    fc.property(steps, (list) => {
      const map = new SlotMap();
      const model = new Set<number>();
      for (const { kind, pick } of list) {
        if (kind === 'take') {
          let lowest = 0;
          while (model.has(lowest)) lowest += 1;
          if (map.take() !== lowest) return false;
          model.add(lowest);
        } else if (kind === 'release' && model.size > 0) {
          const slot = [...model][pick % model.size] ?? 0;
          map.release(slot);
          model.delete(slot);
        } else if (kind === 'mark' && !model.has(pick)) {
          map.mark(pick);
          model.add(pick);
        }
        if (map.takenCount !== model.size) return false;
        if (map.end !== Math.max(-1, ...model) + 1) return false;
      }
      return Array.from({ length: 3100 }, (_, slot) => slot).every((slot) => map.isTaken(slot) === model.has(slot));
    }),
    { numRuns: 200 },
  );
  t.pass();
});

test('a slot is taken and released once', (t) => {
  const map = new SlotMap();
  map.mark(5);
  t.throws(
    () => {
      map.mark(5);
    },
    { message: /slot 5 is already taken/ },
  );
  map.release(5);
  t.throws(
    () => {
      map.release(5);
    },
    { message: /slot 5 is released but was not taken/ },
  );
  t.throws(
    () => {
      map.mark(0xffff_ffff);
    },
    { message: /out of range/ },
  );
});

test('it knows how long the file may be, and that it is cut behind what is in use only', (t) => {
  const map = new SlotMap(100);
  t.is(map.fileEnd, 100);
  map.mark(40);
  map.mark(130);
  t.is(map.fileEnd, 131);
  map.release(130);
  t.deepEqual([map.end, map.fileEnd], [41, 131]);
  map.cut(60);
  t.is(map.fileEnd, 60);
  map.cut(80);
  t.is(map.fileEnd, 60, 'a cut makes nothing longer');
  t.throws(
    () => {
      map.cut(40);
    },
    { message: /cut to 40 slots, of 41 in use/ },
  );
  map.mark(60);
  t.is(map.fileEnd, 61);
});

test('a run is free, in a row, and within the bound; otherwise the lowest slots are taken', (t) => {
  const step = fc.record({ count: fc.integer({ min: 1, max: 70 }), slack: fc.nat(100), release: fc.nat() });
  const property = fc.property(fc.array(step, { maxLength: 60 }), (all) => {
    const map = new SlotMap();
    const taken = new Set<number>();
    for (const { count, slack, release } of all) {
      const endMax = map.takenCount + count + slack;
      const isFree = (slot: number): boolean => !taken.has(slot);
      const row = (start: number): number[] => Array.from({ length: count }, (_, index) => start + index);
      let start = 0;
      while (start + count <= endMax && !row(start).every(isFree)) start += 1;
      const lowest = Array.from({ length: taken.size + count }, (_, slot) => slot).filter(isFree);
      const expected = count > 1 && start + count <= endMax ? row(start) : lowest.slice(0, count);
      t.deepEqual(map.takeRun(count, endMax), expected);
      for (const slot of expected) taken.add(slot);
      const gone = [...taken].filter((slot) => (slot * 7 + release) % 5 < 2);
      for (const slot of gone) {
        map.release(slot);
        taken.delete(slot);
      }
      t.is(map.takenCount, taken.size);
    }
  });
  fc.assert(property, { numRuns: 300 });
});

test('a run behind many slots that are taken is found without a look at all of them', (t) => {
  const map = new SlotMap();
  for (let slot = 0; slot < 100_000; slot += 1) map.take();
  map.release(5);
  t.deepEqual(map.takeRun(3, 200_000), [100_000, 100_001, 100_002]);
  t.deepEqual(map.takeRun(2, 100_004), [5, 100_003]);
});
