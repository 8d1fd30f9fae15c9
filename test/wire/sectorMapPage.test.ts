/** Pages of maps: what was told is read, and nonsense is nothing. */
import test from 'ava';
import fc from 'fast-check';
import type { SectorMap } from '../../src/core/sectorMap.js';
import { decodeSectorMap, encodeSectorMap, runsPerPage } from '../../src/wire/sectorMapPage.js';

const stamp = fc.record({
  timestamp: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
  writeRank: fc.nat(254),
});

const map = fc.integer({ min: 1, max: 254 }).chain((processCount) =>
  fc.record<SectorMap>({
    rank: fc.integer({ min: 1, max: processCount }),
    disks: fc.array(fc.record({ incarnation: fc.nat(255), mark: fc.nat(2 ** 32 - 1) }), {
      minLength: processCount,
      maxLength: processCount,
    }),
    from: fc.maxSafeNat().map((value) => value % 2 ** 48),
    runs: fc.array(
      fc.record({
        sectors: fc.integer({ min: 1, max: 2 ** 48 - 1 }),
        zeros: fc.option(stamp, { nil: null }),
      }),
      { maxLength: runsPerPage(processCount), size: 'max' },
    ),
  }),
);

test('what was told is read', (t) => {
  fc.assert(
    fc.property(map, (told) => {
      const page = encodeSectorMap(told);
      t.is(page.length, 4_096);
      t.deepEqual(decodeSectorMap(page), told);
    }),
  );
});

test('a page is full, and not too full, in a cluster of any size', (t) => {
  for (const processCount of [1, 3, 5, 254]) {
    const runs = Array.from({ length: runsPerPage(processCount) }, () => ({
      sectors: 2 ** 48 - 1,
      zeros: { timestamp: 2n ** 63n - 1n, writeRank: 254 },
    }));
    const disks = Array.from({ length: processCount }, () => ({ incarnation: 255, mark: 1 }));
    const told = { rank: processCount, disks, from: 2 ** 48, runs };
    t.deepEqual(decodeSectorMap(encodeSectorMap(told)), told);
  }
  t.is(runsPerPage(3), 253);
});

test('nonsense is null and never throws', (t) => {
  fc.assert(
    fc.property(map, fc.nat(4_095), fc.nat(255), (told, at, value) => {
      const page = encodeSectorMap(told);
      page[at] = value;
      const decoded = decodeSectorMap(page);
      if (decoded === null) return;
      t.true(decoded.runs.every(({ sectors }) => sectors > 0));
      t.true(decoded.rank >= 1 && decoded.rank <= decoded.disks.length);
    }),
  );
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 0, maxLength: 4_100 }), (page) => {
      t.is(decodeSectorMap(page), null);
    }),
  );
  const disks = [{ incarnation: 0, mark: 1 }];
  const good = { rank: 1, disks, from: 0, runs: [{ sectors: 1, zeros: null }] };
  const changed = (at: number, ...values: number[]): Uint8Array => {
    const page = encodeSectorMap(good);
    page.set(values, at);
    return page;
  };
  t.deepEqual(decodeSectorMap(changed(3, 0)), good);
  t.is(decodeSectorMap(changed(0, 2)), null);
  t.is(decodeSectorMap(changed(1, 0)), null);
  t.is(decodeSectorMap(changed(1, 2)), null);
  t.is(decodeSectorMap(changed(2, 255)), null);
  t.is(decodeSectorMap(changed(4, 1)), null);
  t.is(decodeSectorMap(changed(8, 1)), null);
  t.is(decodeSectorMap(changed(22, 0, 0, 0, 0, 0, 0)), null);
  t.is(decodeSectorMap(changed(28, 2)), null);
  t.is(decodeSectorMap(changed(30, 0x80)), null);
});
