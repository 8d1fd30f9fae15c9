/** Runs out of the index, against a look at each sector. */
import test from 'ava';
import fc from 'fast-check';
import { STRICT_STAMP_INITIAL, compareStrictStamps, coordinatorOfRank } from '../../src/core/strict/version.js';
import type { StrictStamp } from '../../src/core/strict/version.js';
import { runsIn } from '../../src/store/sectorRuns.js';
import { SectorTable } from '../../src/store/sectorTable.js';

const FAR = 2 ** 40;

function stampOf(counter: number, rank: number): StrictStamp {
  return { counter: BigInt(counter), coordinator: coordinatorOfRank(rank) };
}

function setIn(table: SectorTable, sector: number, stamp: StrictStamp, slot: number | null): number {
  return table.set({ stamp, origin: stamp, sector, slot, checksum: 0 });
}

test('each sector is told as the index has it, without a gap, within the bounds', (t) => {
  // Around the borders of regions, and far out.
  const sector = fc.oneof(fc.integer({ min: 4_080, max: 4_110 }), fc.integer({ min: FAR, max: FAR + 20 }));
  const entry = fc.record({
    sector,
    timestamp: fc.integer({ min: 1, max: 2 }),
    writeRank: fc.integer({ min: 1, max: 2 }),
    kind: fc.constantFrom('zeros', 'zeros', 'data', 'damaged'),
  });
  const range = fc.record({
    from: fc.oneof(sector, fc.nat(9_000)),
    count: fc.oneof(fc.nat(60), fc.constant(FAR)),
    lookups: fc.oneof(fc.nat(30), fc.constant(100_000)),
    runs: fc.oneof(fc.nat(5), fc.constant(100)),
  });
  const property = fc.property(fc.array(entry, { maxLength: 60 }), range, (entries, asked) => {
    const table = new SectorTable();
    const model = new Map<number, StrictStamp | null>();
    entries.forEach(({ sector: index, timestamp, writeRank, kind }, slot) => {
      const stamp = stampOf(timestamp, writeRank);
      const number = setIn(table, index, stamp, kind === 'data' ? slot : null);
      if (kind === 'damaged') table.mark(number);
      model.set(index, kind === 'zeros' ? stamp : null);
    });
    const { from, lookups, runs: max } = asked;
    const end = from + asked.count;
    const runs = runsIn(table, { from, end, lookups, runs: max });
    t.true(runs.length <= Math.min(max, lookups));
    let at = from;
    for (const { sectors, zeros } of runs) {
      t.true(sectors > 0);
      const inside = [...model.keys()].filter((index) => index >= at && index < at + sectors);
      for (const index of inside) t.deepEqual(zeros, model.get(index));
      if (inside.length < sectors) t.deepEqual(zeros, STRICT_STAMP_INITIAL);
      at += sectors;
    }
    t.true(at <= end);
    // Neighbours differ; and it ends early for a bound only.
    runs.slice(1).forEach(({ zeros }, index) => {
      const before = runs[index].zeros;
      t.false(zeros === null || before === null ? zeros === before : compareStrictStamps(zeros, before) === 0);
    });
    if (lookups === 100_000 && asked.count <= 60 && runs.length < max) t.is(at, end);
  });
  fc.assert(property, { numRuns: 2_000 });
});

test('a disk that was never written is passed over by regions', (t) => {
  const table = new SectorTable();
  setIn(table, FAR, stampOf(1, 1), 0);
  const range = { from: 5, end: 2 ** 26, lookups: 16_384, runs: 10 };
  t.deepEqual(runsIn(table, range), [{ sectors: 2 ** 26 - 5, zeros: STRICT_STAMP_INITIAL }]);
});
