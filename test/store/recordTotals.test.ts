/** Records that were lost, or came back, show by what all of them come to. */
import test from 'ava';
import { checkOf, decodeTotals, encodeRecords, encodeTotals } from '../../src/store/recordFormat.js';
import { TOTALS_NONE, totalsAfter, withRecords } from '../../src/store/recordTotals.js';
import type { SectorRecord } from '../../src/ports/blockFiles.js';
import { dice } from '../helpers/seed.js';
import { dataOf, simulate, stampOf, versionOf, watch } from './storeHarness.js';

test('the check of a record is the one that is written with it', (t) => {
  const records = [
    { ...versionOf(0, 0), sector: 0, slot: null, checksum: 0 },
    { ...versionOf(2n ** 63n - 1n, 255), sector: 2 ** 48 - 1, slot: 7, checksum: 0xffff_ffff },
  ];
  for (const record of records) {
    const [{ value }] = encodeRecords([record]);
    t.is(checkOf(record), Buffer.from(value).readUInt32BE(value.length - 4));
  }
});

test('totals come back as they were, and any flipped bit is noticed', (t) => {
  const totals = { commitCount: 2 ** 50 + 1, recordCount: 2 ** 40, checkSum: 0xfedc_ba98 };
  const bytes = encodeTotals(totals);
  t.deepEqual(decodeTotals(bytes), totals);
  for (let bit = 0; bit < bytes.length * 8; bit += 1) {
    const flipped = bytes.slice();
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    t.assert(decodeTotals(flipped) === null, `bit ${bit}`);
  }
  t.is(decodeTotals(bytes.subarray(1)), null);
});

test('kept up commit by commit, they are what the records come to', (t) => {
  const random = dice(5);
  const records = new Map<number, SectorRecord>();
  let totals = TOTALS_NONE;
  for (let commit = 1; commit <= 500; commit += 1) {
    const sectors = new Set(Array.from({ length: 1 + random.below(8) }, () => random.below(40)));
    const batch = [...sectors].map((sector) => ({
      ...versionOf(commit),
      sector,
      slot: random.below(5) === 0 ? null : random.below(2 ** 30),
      checksum: random.below(2 ** 31) * 2,
    }));
    totals = totalsAfter(
      totals,
      batch,
      batch.map(({ sector }) => records.get(sector) ?? null),
    );
    for (const record of batch) records.set(record.sector, record);
    const whole = withRecords({ ...TOTALS_NONE, commitCount: commit }, [...records.values()]);
    t.deepEqual(totals, whole);
  }
});

for (const [name, timestamp] of [
  ['is missing', null],
  ['is older than the last one', 1],
] as const) {
  test(`a record that ${name} stops the start`, (t) => {
    const simulation = simulate(1);
    const { disk } = simulation;
    const store = simulation.open();
    watch(store.put(3, stampOf(1), dataOf(1)));
    watch(store.put(4, stampOf(1), dataOf(2)));
    simulation.run();
    const older = disk.recordOf(3) ?? null;
    watch(store.put(3, stampOf(2), dataOf(3)));
    simulation.run();
    disk.kill();
    simulation.open();
    disk.loseRecord(3, timestamp === null ? null : older);
    const { error } = simulation.tryOpen();
    t.like(error, { code: 'ATDD_STORE_CORRUPT' });
    t.regex(String(error), /the metadata have \d records with the sum \d+, but after commit 2 there were 2 with/);
  });
}
