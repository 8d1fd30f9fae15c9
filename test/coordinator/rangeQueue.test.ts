import test from 'ava';
import fc from 'fast-check';
import type { Queued } from '../../src/coordinator/rangeQueue.js';
import { RangeQueue } from '../../src/coordinator/rangeQueue.js';
import type { SectorRange } from '../../src/core/strict/range.js';
import { EXTENT_SECTORS, overlap } from '../../src/core/strict/range.js';

interface Item extends Queued {
  readonly name: number;
}

/** Few sectors of two extents, so that most ranges overlap with others. */
const range: fc.Arbitrary<SectorRange> = fc
  .tuple(fc.integer({ min: 0, max: 1 }), fc.integer({ min: 0, max: 9 }), fc.integer({ min: 1, max: 4 }))
  .map(([extent, first, count]) => ({ first: extent * EXTENT_SECTORS + first, count }));

const step = fc.oneof(
  { weight: 3, arbitrary: range.map((added) => ({ kind: 'add' as const, added })) },
  { weight: 2, arbitrary: fc.nat().map((index) => ({ kind: 'remove' as const, index })) },
);

function namesOf(items: Iterable<Item>): number[] {
  return Array.from(items, ({ name }) => name).toSorted((a, b) => a - b);
}

test('an operation waits for all earlier ones that it overlaps, and for nothing else', (t) => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const queue = new RangeQueue<Item>();
      let model: Item[] = [];
      let hasTurn = new Set<Item>();
      const expected = (): Set<Item> =>
        new Set(model.filter((one, at) => !model.slice(0, at).some((other) => overlap(other.range, one.range))));
      for (const [name, one] of steps.entries()) {
        if (one.kind === 'add') {
          const item: Item = { name, range: one.added, blockedBy: 0 };
          model.push(item);
          if (queue.add(item)) hasTurn.add(item);
        } else if (model.length > 0) {
          // Some are taken out while they wait.
          const item = model[one.index % model.length];
          model = model.filter((other) => other !== item);
          const freed = queue.remove(item);
          t.deepEqual(
            freed.map((other) => other.name),
            namesOf(freed),
          );
          hasTurn = new Set([...hasTurn, ...freed].filter((other) => other !== item));
        }
        t.deepEqual(namesOf(hasTurn), namesOf(expected()));
      }
    }),
    { numRuns: 300 },
  );
  t.pass();
});
