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
