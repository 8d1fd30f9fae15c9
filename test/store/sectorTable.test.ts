import test from 'ava';
import fc from 'fast-check';
import { NO_ENTRY, SectorTable } from '../../src/store/sectorTable.js';

interface Known {
  readonly timestamp: bigint;
  readonly writeRank: number;
  readonly slot: number | null;
  readonly checksum: number;
}

const SECTOR_EDGES = [0, 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 52, Number.MAX_SAFE_INTEGER];

const entries = fc.record({
  // Few different sectors, so that most are set more than once; and neighbours across 2^32.
  sector: fc.oneof(
    fc.integer({ min: 0, max: 40 }),
    fc.constantFrom(...SECTOR_EDGES),
    fc.maxSafeNat(),
    fc.integer({ min: 0, max: 20 }).map((high) => high * 2 ** 32 + 5),
  ),
  timestamp: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  writeRank: fc.integer({ min: 0, max: 255 }),
  slot: fc.option(fc.integer({ min: 0, max: 0xffff_fffd })),
  checksum: fc.integer({ min: 0, max: 0xffff_ffff }),
});

function contentOf(table: SectorTable, sector: number): Known | undefined {
  const entry = table.find(sector);
  if (entry === NO_ENTRY) return undefined;
  const { timestamp, writeRank } = table.stampAt(entry);
  return { timestamp, writeRank, slot: table.slotAt(entry), checksum: table.checksumAt(entry) };
}

test('it agrees with a Map', (t) => {
  fc.assert(
    fc.property(fc.array(entries, { maxLength: 400 }), (sets) => {
      const table = new SectorTable();
      const model = new Map<number, Known>();
      for (const { sector, ...known } of sets) {
        const { timestamp, writeRank, slot, checksum } = known;
        table.set(sector, { timestamp, writeRank }, slot, checksum);
        model.set(sector, known);
      }
      if (table.entryCount !== model.size) return false;
      for (let entry = 0; entry < table.entryCount; entry += 1) {
        if (table.find(table.sectorAt(entry)) !== entry) return false;
      }
      const asked = [...model.keys(), ...SECTOR_EDGES, 3, 41];
      return asked.every((sector) => isSame(contentOf(table, sector), model.get(sector)));
    }),
    { numRuns: 300 },
  );
  t.pass();
});

test('a mark stays until the entry is set again, and changes nothing else', (t) => {
  const table = new SectorTable();
  const sector = Number.MAX_SAFE_INTEGER;
  const stamp = { timestamp: 2n ** 64n - 1n, writeRank: 255 };
  const entry = table.set(sector, stamp, 12, 34);
  t.false(table.isMarked(entry));
  table.mark(entry);
  t.true(table.isMarked(entry));
  t.is(table.sectorAt(entry), sector);
  t.is(table.find(sector), entry);
  t.deepEqual(table.stampAt(entry), stamp);
  table.set(sector, stamp, 12, 34);
  t.false(table.isMarked(entry));
});

test('from 10,000 sectors on, an entry takes at most 48 bytes', (t) => {
  const table = new SectorTable();
  const stamp = { timestamp: 1n, writeRank: 1 };
  let highest = 0;
  for (let count = 1; count <= 500_000; count += 1) {
    table.set(count * 7, stamp, count, 0);
    if (count >= 10_000 && count % 500 === 0) {
      highest = Math.max(highest, table.byteLength / count);
    }
  }
  t.log(`at most ${highest.toFixed(1)} bytes an entry`);
  t.true(highest <= 48, `${highest} bytes an entry`);
  t.is(table.entryCount, 500_000);
  t.is(contentOf(table, 7 * 123_456)?.slot, 123_456);
});

test('sectors that were never written take nothing', (t) => {
  const table = new SectorTable();
  const before = table.byteLength;
  for (let sector = 0; sector < 100_000; sector += 1) t.assert(table.find(sector) === NO_ENTRY);
  t.is(table.byteLength, before);
});

test('what does not fit is refused', (t) => {
  const table = new SectorTable();
  const stamp = { timestamp: 1n, writeRank: 1 };
  t.throws(() => table.set(2 ** 53, stamp, 0, 0), { message: /out of range/ });
  t.throws(() => table.set(-1, stamp, 0, 0), { message: /out of range/ });
  t.throws(() => table.set(1.5, stamp, 0, 0), { message: /out of range/ });
  t.throws(() => table.set(1, stamp, 0xffff_ffff, 0), { message: /out of range/ });
});

function isSame(a: Known | undefined, b: Known | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.timestamp === b.timestamp && a.writeRank === b.writeRank && a.slot === b.slot && a.checksum === b.checksum;
}
