/** Pages of maps: what was told is read, and nonsense is nothing. */
import test from 'ava';
import fc from 'fast-check';
import type { RegisterMode } from '../../src/core/membership/registerMode.js';
import { REGISTER_MODES } from '../../src/core/membership/registerMode.js';
import type { SectorMap } from '../../src/core/sectorMap.js';
import type { StrictStamp } from '../../src/core/strict/version.js';
import { coordinatorOfRank } from '../../src/core/strict/version.js';
import { decodeSectorMap, encodeSectorMap, runsPerPage } from '../../src/wire/sectorMapPage.js';

const counter = fc.bigInt({ min: 0n, max: 2n ** 63n - 1n });
const stamps: Readonly<Record<RegisterMode, fc.Arbitrary<StrictStamp>>> = {
  open: fc.record({ counter, coordinator: fc.nat(254).map(coordinatorOfRank) }),
  strict: fc.record({
    counter,
    coordinator: fc.uint8Array({ minLength: 16, maxLength: 16 }).map((id) => Buffer.from(id).toString('latin1')),
  }),
};

const mapIn = (mode: RegisterMode) =>
  fc.integer({ min: 1, max: 254 }).chain((processCount) =>
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
          zeros: fc.option(stamps[mode], { nil: null }),
        }),
        { maxLength: runsPerPage(processCount, mode), size: 'max' },
      ),
    }),
  );

const told = fc
  .constantFrom(...REGISTER_MODES)
  .chain((mode) => mapIn(mode).map((map): [SectorMap, RegisterMode] => [map, mode]));

test('what was told is read', (t) => {
  fc.assert(
    fc.property(told, ([map, mode]) => {
      const page = encodeSectorMap(map, mode);
      t.is(page.length, 4_096);
      t.deepEqual(decodeSectorMap(page), map);
    }),
  );
});

test('a page is full, and not too full, in a cluster of any size', (t) => {
  const sizes = [1, 3, 5, 254].flatMap((size) => REGISTER_MODES.map((mode) => [size, mode] as const));
  for (const [processCount, mode] of sizes) {
    const runs = Array.from({ length: runsPerPage(processCount, mode) }, () => ({
      sectors: 2 ** 48 - 1,
      zeros: { counter: 2n ** 63n - 1n, coordinator: coordinatorOfRank(254) },
    }));
    const disks = Array.from({ length: processCount }, () => ({ incarnation: 255, mark: 1 }));
    const full = { rank: processCount, disks, from: 2 ** 48, runs };
    t.deepEqual(decodeSectorMap(encodeSectorMap(full, mode)), full);
  }
  t.is(runsPerPage(3, 'open'), 253);
  t.is(runsPerPage(3, 'strict'), 126);
});

test('nonsense is null and never throws', (t) => {
  fc.assert(
    fc.property(told, fc.nat(4_095), fc.nat(255), ([map, mode], at, value) => {
      const page = encodeSectorMap(map, mode);
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
    const page = encodeSectorMap(good, 'open');
    page.set(values, at);
    return page;
  };
  t.deepEqual(decodeSectorMap(changed(3, 0)), good);
  t.deepEqual(decodeSectorMap(changed(0, 2)), good, 'a run of data is the same in both versions');
  t.is(decodeSectorMap(changed(0, 3)), null);
  t.is(decodeSectorMap(changed(28, 1, 255)), null, 'there is no rank 255');
  t.is(decodeSectorMap(changed(1, 0)), null);
  t.is(decodeSectorMap(changed(1, 2)), null);
  t.is(decodeSectorMap(changed(2, 255)), null);
  t.is(decodeSectorMap(changed(4, 1)), null);
  t.is(decodeSectorMap(changed(8, 1)), null);
  t.is(decodeSectorMap(changed(22, 0, 0, 0, 0, 0, 0)), null);
  t.is(decodeSectorMap(changed(28, 2)), null);
  t.is(decodeSectorMap(changed(30, 0x80)), null);
});
