import test from 'ava';
import fc from 'fast-check';
import { laterOf, STRICT_STAMP_INITIAL } from '../../src/core/strict/version.js';
import type { SectorRecord } from '../../src/ports/blockFiles.js';
import { NO_ENTRY, recordIn, SectorTable } from '../../src/store/sectorTable.js';
import { recordsWith, versions } from './arbitraryRecords.js';
import { versionOf } from './storeHarness.js';

const SECTOR_EDGES = [0, 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 52, Number.MAX_SAFE_INTEGER];

/** Few different sectors, so that most are set more than once; and neighbours across 2^32. */
const sectors = fc.oneof(
  fc.integer({ min: 0, max: 40 }),
  fc.constantFrom(...SECTOR_EDGES),
  fc.maxSafeNat(),
  fc.integer({ min: 0, max: 20 }).map((high) => high * 2 ** 32 + 5),
);

/** Few coordinators, so that they come and go; and any. */
const few = fc.record({ counter: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), coordinator: fc.constantFrom('A', 'B') });
const anyVersion = fc.oneof(
  versions,
  few.map((stamp) => ({ stamp, origin: stamp })),
  fc.record({ stamp: few, origin: few }),
);
const entries = fc
  .record({ sector: sectors, record: recordsWith(anyVersion) })
  .map(({ sector, record }) => ({ ...record, sector }));

test('it agrees with a Map, and knows the coordinators of its stamps and no others', (t) => {
  fc.assert(
    fc.property(fc.array(entries, { maxLength: 400 }), (sets) => {
      const table = new SectorTable();
      const model = new Map<number, SectorRecord>();
      let highest = STRICT_STAMP_INITIAL;
      for (const record of sets) {
        table.set(record);
        model.set(record.sector, record);
        highest = laterOf(highest, record.stamp);
      }
      t.is(table.entryCount, model.size);
      t.deepEqual(table.highestStamp, highest);
      for (let entry = 0; entry < table.entryCount; entry += 1) t.is(table.find(table.sectorAt(entry)), entry);
      const asked = [...model.keys(), ...SECTOR_EDGES, 3, 41];
      for (const sector of asked) t.deepEqual(recordIn(table, sector), model.get(sector) ?? null);
      t.is(table.coordinatorCount, new Set([...model.values()].map(({ stamp }) => stamp.coordinator)).size);
    }),
    { numRuns: 300 },
  );
});

test('steps over what is empty: none over an entry, and long ones', (t) => {
  const table = new SectorTable();
  const [region, group] = [4_096, 4_096 ** 2];
  t.is(table.unwrittenUntil(5), group);
  t.is(table.unwrittenUntil(3 * group), 4 * group);
  const stamp = { counter: 1n, coordinator: 'A'.repeat(16) };
  const set = (sector: number): unknown => table.set({ sector, stamp, origin: stamp, slot: null, checksum: 0 });
  set(3 * group + 2 * region + 7);
  t.is(table.unwrittenUntil(5), group);
  t.is(table.unwrittenUntil(3 * group), 3 * group + region);
  t.is(table.unwrittenUntil(3 * group + 2 * region - 1), 3 * group + 2 * region);
  t.is(table.unwrittenUntil(3 * group + 2 * region), 3 * group + 2 * region);
  t.is(table.unwrittenUntil(3 * group + 3 * region - 1), 3 * group + 3 * region - 1);
  t.is(table.unwrittenUntil(3 * group + 3 * region), 3 * group + 4 * region);
  t.is(table.unwrittenUntil(4 * group), 5 * group);
  // From any sector on, steps lead to each entry: to its region at least.
  fc.assert(
    fc.property(fc.uniqueArray(sectors, { minLength: 1, maxLength: 30 }), fc.nat(2 ** 33), (written, from) => {
      const some = new SectorTable();
      for (const sector of written) some.set({ sector, stamp, origin: stamp, slot: null, checksum: 0 });
      for (let at = from, steps = 0; steps < 5_000; steps += 1) {
        const until = some.unwrittenUntil(at);
        t.false(written.some((sector) => sector >= at && sector < until));
        t.true(until === at || (until > at && until % 256 === 0));
        at = until === at ? at + region : until;
      }
    }),
    { numRuns: 20 },
  );
});

test('clients that come and go leave nothing behind', (t) => {
  const table = new SectorTable();
  const round = (count: number): void => {
    for (let sector = 0; sector < 100; sector += 1) {
      const stamp = { counter: BigInt(count), coordinator: `client ${count} `.padEnd(16, String(sector % 3)) };
      const origin = (sector + count) % 10 === 0 ? { counter: 1n, coordinator: `origin ${count}` } : stamp;
      table.set({ sector, stamp, origin, slot: null, checksum: 0 });
    }
  };
  round(0);
  round(1);
  const before = table.byteLength;
  for (let count = 2; count < 1_000; count += 1) round(count);
  t.is(table.coordinatorCount, 3);
  t.is(table.byteLength, before);
});

test('a mark stays until the entry is set again, and changes nothing else', (t) => {
  const table = new SectorTable();
  const sector = Number.MAX_SAFE_INTEGER;
  const version = { ...versionOf(2n ** 64n - 1n, 255), origin: versionOf(1).stamp };
  const entry = table.set({ ...version, sector, slot: 12, checksum: 34 });
  t.false(table.isMarked(entry));
  table.mark(entry);
  t.true(table.isMarked(entry));
  t.is(table.sectorAt(entry), sector);
  t.is(table.find(sector), entry);
  t.deepEqual(table.versionAt(entry), version);
  table.set({ ...version, sector, slot: 12, checksum: 34 });
  t.false(table.isMarked(entry));
});

test('from 10,000 sectors on, an entry takes at most 48 bytes', (t) => {
  const table = new SectorTable();
  let highest = 0;
  for (let count = 1; count <= 500_000; count += 1) {
    table.set({ ...versionOf(1), sector: count * 7, slot: count, checksum: 0 });
    if (count >= 10_000 && count % 500 === 0) {
      highest = Math.max(highest, table.byteLength / count);
    }
  }
  t.log(`at most ${highest.toFixed(1)} bytes an entry`);
  t.true(highest <= 48, `${highest} bytes an entry`);
  t.is(table.entryCount, 500_000);
  t.is(recordIn(table, 7 * 123_456)?.slot, 123_456);
});

test('sectors that were never written take nothing', (t) => {
  const table = new SectorTable();
  const before = table.byteLength;
  for (let sector = 0; sector < 100_000; sector += 1) t.assert(table.find(sector) === NO_ENTRY);
  t.is(table.byteLength, before);
});

test('what does not fit is refused', (t) => {
  const table = new SectorTable();
  const record = { ...versionOf(1), sector: 1, slot: 0, checksum: 0 };
  for (const sector of [2 ** 53, -1, 1.5]) {
    t.throws(() => table.set({ ...record, sector }), { message: /out of range/ });
  }
  t.throws(() => table.set({ ...record, slot: 0xffff_ffff }), { message: /out of range/ });
});
