/** What every SectorStore has to do. An implementation calls `storeSuite` with its harness. */
import test, { type ExecutionContext } from 'ava';
import { forkJoin, type Observable } from 'rxjs';
import { SECTOR_SIZE_BYTES, ZERO_SECTOR, type SectorData } from '../../src/core/sector.js';
import { STAMP_INITIAL, type Stamp } from '../../src/core/stamp.js';
import type { SectorStore } from '../../src/ports/store.js';

export interface StoreHarness {
  /** A store on a new disk, or, when called again, on that disk after a clean close. */
  open(): Promise<SectorStore>;
  close(): Promise<void>;
  /** Runs an observable to its end. Rejects unless it emitted exactly once and completed. */
  valueOf<T>(source$: Observable<T>): Promise<T>;
}

export function storeSuite(name: string, makeHarness: (t: ExecutionContext) => Promise<StoreHarness>): void {
  test(`${name}: a sector never written has the initial stamp and zeros`, async (t) => {
    const harness = await makeHarness(t);
    const store = await harness.open();
    t.deepEqual(store.stampOf(7), STAMP_INITIAL);
    await holds(t, harness, store, 7, STAMP_INITIAL, ZERO_SECTOR);
  });

  test(`${name}: what was put is loaded, now and after a restart`, async (t) => {
    const harness = await makeHarness(t);
    let store = await harness.open();
    const stamp = { timestamp: 1n, writeRank: 3 };
    t.is(await harness.valueOf(store.put(7, stamp, filled(1))), 'stored');
    await holds(t, harness, store, 7, stamp, filled(1));
    await harness.close();
    store = await harness.open();
    await holds(t, harness, store, 7, stamp, filled(1));
    await holds(t, harness, store, 8, STAMP_INITIAL, ZERO_SECTOR);
  });

  test(`${name}: the newest of many puts of a sector stays`, async (t) => {
    const harness = await makeHarness(t);
    let store = await harness.open();
    for (let round = 1; round <= 20; round += 1) {
      const stamp = { timestamp: BigInt(round), writeRank: 1 };
      t.is(await harness.valueOf(store.put(0, stamp, filled(round))), 'stored');
    }
    const newest = { timestamp: 20n, writeRank: 1 };
    await holds(t, harness, store, 0, newest, filled(20));
    await harness.close();
    store = await harness.open();
    await holds(t, harness, store, 0, newest, filled(20));
  });

  test(`${name}: data, zeros, data again`, async (t) => {
    const harness = await makeHarness(t);
    let store = await harness.open();
    const stamps = [1n, 2n, 3n].map((timestamp) => ({ timestamp, writeRank: 254 }));
    const contents = [filled(5), new Uint8Array(SECTOR_SIZE_BYTES), filled(6)];
    for (const [round, stamp] of stamps.entries()) {
      const data = contents[round] ?? ZERO_SECTOR;
      t.is(await harness.valueOf(store.put(1, stamp, data)), 'stored');
      await holds(t, harness, store, 1, stamp, data);
      await harness.close();
      store = await harness.open();
      await holds(t, harness, store, 1, stamp, data);
    }
  });

  test(`${name}: many sectors at once, more than one commit takes`, async (t) => {
    const harness = await makeHarness(t);
    let store = await harness.open();
    const sectors = Array.from({ length: 700 }, (_, index) => index * 3);
    const stamp = { timestamp: 9n, writeRank: 2 };
    const puts = sectors.map((sector) => store.put(sector, stamp, filled(sector)));
    const outcomes = await harness.valueOf(forkJoin(puts));
    t.true(outcomes.every((outcome) => outcome === 'stored'));
    await harness.close();
    store = await harness.open();
    for (const sector of sectors) {
      await holds(t, harness, store, sector, stamp, filled(sector));
      t.deepEqual(store.stampOf(sector + 1), STAMP_INITIAL);
    }
  });

  test(`${name}: the largest sectors and stamps`, async (t) => {
    const harness = await makeHarness(t);
    let store = await harness.open();
    const sectors = [0, 2 ** 32 - 1, 2 ** 32, 2 ** 33, Number.MAX_SAFE_INTEGER];
    const stamp = { timestamp: 2n ** 64n - 1n, writeRank: 254 };
    const low = { timestamp: 2n ** 53n + 1n, writeRank: 1 };
    for (const sector of sectors) {
      t.is(await harness.valueOf(store.put(sector, low, filled(1))), 'stored');
      t.is(await harness.valueOf(store.put(sector, stamp, filled(sector))), 'stored');
    }
    await harness.close();
    store = await harness.open();
    for (const sector of sectors) await holds(t, harness, store, sector, stamp, filled(sector));
  });

  test(`${name}: a stamp shows only once it is stored`, async (t) => {
    const harness = await makeHarness(t);
    const store = await harness.open();
    const stamp = { timestamp: 1n, writeRank: 1 };
    const stored = harness.valueOf(store.put(4, stamp, filled(1)));
    // The simulated disk has finished by now; a real one cannot have.
    if ((await Promise.race([stored, Promise.resolve('pending')])) === 'pending') {
      t.deepEqual(store.stampOf(4), STAMP_INITIAL);
    }
    await stored;
    t.deepEqual(store.stampOf(4), stamp);
  });

  test(`${name}: nothing is put before the observable is subscribed to`, async (t) => {
    const harness = await makeHarness(t);
    const store = await harness.open();
    const unused$ = store.put(4, { timestamp: 1n, writeRank: 1 }, filled(1));
    await harness.valueOf(store.put(5, { timestamp: 1n, writeRank: 1 }, filled(1)));
    t.deepEqual(store.stampOf(4), STAMP_INITIAL);
    t.is(await harness.valueOf(unused$), 'stored');
  });

  test(`${name}: what is loaded is the caller's own`, async (t) => {
    const harness = await makeHarness(t);
    const store = await harness.open();
    const stamp = { timestamp: 1n, writeRank: 1 };
    await harness.valueOf(store.put(4, stamp, filled(1)));
    const copy = await harness.valueOf(store.load(4));
    t.is(copy.kind, 'sound');
    if (copy.kind === 'sound') copy.data.fill(0xee);
    await holds(t, harness, store, 4, stamp, filled(1));
  });
}

async function holds(
  t: ExecutionContext,
  harness: StoreHarness,
  store: SectorStore,
  sector: number,
  stamp: Stamp,
  data: SectorData,
): Promise<void> {
  t.deepEqual(store.stampOf(sector), stamp, `stamp of sector ${sector}`);
  const copy = await harness.valueOf(store.load(sector));
  t.true(copy.kind === 'sound' && Buffer.compare(copy.data, data) === 0, `data of sector ${sector}`);
}

function filled(name: number): SectorData {
  const data = new Uint8Array(SECTOR_SIZE_BYTES);
  for (let index = 0; index < data.length; index += 1) data[index] = (name * 31 + index) % 251;
  return data;
}
