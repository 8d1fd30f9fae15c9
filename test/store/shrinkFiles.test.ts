/** Giving room back with real files: how much, how soon, and what clients notice of it. */
import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import test from 'ava';
import { forkJoin } from 'rxjs';
import { SECTOR_SIZE_BYTES, ZERO_SECTOR } from '../../src/core/sector.js';
import type { OpenedSectorStore } from '../../src/store/openSectorStore.js';
import { ended, freshFolder, openAt, valueOf } from './realStore.js';
import { dataOf, isSame, keepingLog, stampOf } from './storeHarness.js';
import { HANG_MS } from '../helpers/hang.js';

const MIB = 1024 * 1024;
const SECTORS = 6_000;
/** One in so many stays, and those stand everywhere in the file. */
const KEPT_ONE_IN = 10;
const BATCH = 256;

/** One that a client writes again and again meanwhile. */
const HOT = SECTORS + 7;

function diskUsage(folder: string): number {
  return Number(execFileSync('du', ['-sB1', folder], { encoding: 'utf8' }).split('\t')[0]);
}

async function putAll(
  store: OpenedSectorStore,
  sectors: readonly number[],
  timestamp: number,
  dataFor: (sector: number) => Uint8Array,
): Promise<void> {
  for (let start = 0; start < sectors.length; start += 500) {
    const some = sectors.slice(start, start + 500);
    const puts = some.map((sector) => store.put(sector, stampOf(timestamp), dataFor(sector)));
    await valueOf(forkJoin(puts));
  }
}

/** Puts one sector after another for as long as asked for. @returns how long each took, sorted. */
async function latenciesMs(store: OpenedSectorStore, goOn: (count: number) => boolean): Promise<number[]> {
  const found: number[] = [];
  while (goOn(found.length)) {
    const startMs = performance.now();
    const stamp = stampOf(store.stampOf(HOT).timestamp + 1n);
    await valueOf(store.put(HOT, stamp, dataOf(found.length)));
    found.push(performance.now() - startMs);
    await pause(1);
  }
  return found.toSorted((a, b) => a - b);
}

const at = (sorted: readonly number[], part: number): number =>
  Math.round((sorted[Math.floor(sorted.length * part)] ?? 0) * 100) / 100;

test('nine of ten sectors become zeros: the file system gets their room back', async (t) => {
  const folder = await freshFolder(t);
  const log = keepingLog();
  const store = await openAt(folder, {}, log);
  const all = Array.from({ length: SECTORS }, (_, sector) => sector);
  const kept = all.filter((sector) => sector % KEPT_ONE_IN === 0);
  await putAll(store, all, 1, dataOf);
  const usedBefore = diskUsage(folder);
  const quiet = await latenciesMs(store, (count) => count < 200);
  await putAll(
    store,
    all.filter((sector) => sector % KEPT_ONE_IN !== 0),
    2,
    () => ZERO_SECTOR,
  );
  const startMs = performance.now();
  const isLong = (): boolean => store.stats().fileSlotCount > kept.length + 1 + 2 * BATCH;
  t.true(isLong());
  const busy = await latenciesMs(store, () => isLong() && performance.now() - startMs < HANG_MS);
  const tookMs = Math.round(performance.now() - startMs);
  const used = diskUsage(folder);
  t.log({
    usedBefore,
    used,
    tookMs,
    putsMeanwhile: busy.length,
    medianMs: `${at(quiet, 0.5)} before, ${at(busy, 0.5)} meanwhile`,
    mostMs: `${at(quiet, 0.99)} before, ${at(busy, 0.99)} meanwhile`,
  });
  const sizeBytes = statSync(join(folder, 'data.slots')).size;
  t.true(sizeBytes <= (kept.length + 1 + 2 * BATCH) * SECTOR_SIZE_BYTES, `${sizeBytes} bytes`);
  t.true(used <= 1.1 * SECTOR_SIZE_BYTES * (kept.length + 1) + 8 * MIB, `${used} bytes`);
  // Clients were served all the while: how fast is in the log.
  t.true(busy.length > 10, `${busy.length} puts`);

  const sounds = async (opened: OpenedSectorStore): Promise<void> => {
    for (const sector of all) {
      const copy = await valueOf(opened.load(sector));
      const expected = sector % KEPT_ONE_IN === 0 ? dataOf(sector) : ZERO_SECTOR;
      t.assert(copy.kind === 'sound' && isSame(copy.data, expected), `sector ${sector}`);
    }
  };
  await sounds(store);
  await ended(store.close());
  const again = await openAt(folder);
  await sounds(again);
  await ended(again.close());
  t.is(log.lines.filter(({ level }) => level === 'error').length, 0);
});
