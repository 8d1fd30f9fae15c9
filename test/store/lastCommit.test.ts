/**
 * The last commit, of which a crash may have left the records and not the data: what a start makes of it, over a
 * simulated disk and on real files.
 */
import { openSync, closeSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { asyncScheduler } from 'rxjs';
import { SECTOR_SIZE_BYTES, ZERO_SECTOR } from '../../src/core/sector.js';
import { STAMP_INITIAL } from '../../src/core/stamp.js';
import { NoSpace } from '../../src/ports/blockFiles.js';
import type { SectorStore } from '../../src/ports/store.js';
import { openAcknowledgedFile } from '../../src/shell/acknowledgedFile.js';
import { ended, freshFolder, openAt, valueOf } from './realStore.js';
import { dataOf, isSame, keepingLog, simulate, stampOf, watch, type Simulation } from './storeHarness.js';

const SEEDS = 60;

function contentOf(sector: number, timestamp: number): Uint8Array {
  return timestamp === 0 ? ZERO_SECTOR : dataOf(sector * 1_000 + timestamp);
}

function put(store: SectorStore, sector: number, timestamp: number) {
  return watch(store.put(sector, stampOf(timestamp), contentOf(sector, timestamp)));
}

/** The timestamp of what a sector holds, whole. */
function held(t: ExecutionContext, simulation: Simulation, store: SectorStore, sector: number) {
  const { timestamp } = store.stampOf(sector);
  const copy = simulation.valueOf(store.load(sector));
  const expected = contentOf(sector, Number(timestamp));
  t.assert(copy.kind === 'sound' && isSame(copy.data, expected), `data of sector ${sector}`);
  return Number(timestamp);
}

/** The next flush takes long, the commit that comes with it does not. */
function slowFlush({ disk }: Simulation): void {
  const delaysMs = [50, 1];
  disk.delayMs = () => delaysMs.shift() ?? 1;
}

const undoneIn = ({ log }: Simulation): number =>
  log.lines.filter(({ fields }) => fields['event'] === 'commitUndone').length;

/** Sectors 1 and 2 hold the first value of theirs, 3 none; then a crash cuts a commit of all. */
function cutShort(seed: number, end: 'crash' | 'kill'): Simulation {
  const simulation = simulate(seed);
  const store = simulation.open();
  for (const sector of [1, 2]) put(store, sector, 1);
  simulation.run();
  slowFlush(simulation);
  const outcomes = [1, 2, 3].map((sector) => put(store, sector, 2));
  simulation.run(10);
  if (simulation.disk.recordOf(3) === undefined) throw new Error('the records are not there');
  if (outcomes.some(({ values }) => values.length > 0)) throw new Error('it was acknowledged');
  simulation.disk[end]();
  return simulation;
}

test('the power goes when the records are there and the data is not: old or new, for good', (t) => {
  const seen = new Set<string>();
  for (let seed = 0; seed < SEEDS; seed += 1) {
    const simulation = cutShort(seed, 'crash');
    const store = simulation.open();
    const found = [1, 2, 3].map((sector) => held(t, simulation, store, sector));
    t.deepEqual(
      found.map((timestamp, index) => timestamp === 2 || timestamp === [1, 1, 0][index]),
      [true, true, true],
      `seed ${seed}: ${found.join()}`,
    );
    t.is(undoneIn(simulation), found.includes(1) || found.includes(0) ? 1 : 0);
    for (const timestamp of found) seen.add(String(timestamp));
    // Whatever it came to: the next start comes to the same, and has nothing to decide.
    simulation.disk.crash();
    simulation.log.lines.length = 0;
    const again = simulation.open();
    t.deepEqual(
      [1, 2, 3].map((sector) => held(t, simulation, again, sector)),
      found,
    );
    t.is(undoneIn(simulation), 0);
    // It goes on from there.
    const outcomes = [1, 2, 3].map((sector) => put(again, sector, 3));
    simulation.run();
    t.true(outcomes.every(({ values }) => values.join() === 'stored'));
    t.deepEqual(
      [1, 2, 3].map((sector) => held(t, simulation, again, sector)),
      [3, 3, 3],
    );
    t.is(again.stats().slotCount, 3);
  }
  t.deepEqual([...seen].sort(), ['0', '1', '2'], 'all of it was seen');
});

test('a sector that goes back to never written reads as such', (t) => {
  for (let seed = 0; seed < SEEDS; seed += 1) {
    const simulation = cutShort(seed, 'crash');
    const store = simulation.open();
    if (store.stampOf(3).timestamp === 2n) continue;
    t.deepEqual(store.stampOf(3), STAMP_INITIAL);
    t.is(simulation.disk.recordOf(3)?.slot, null);
    t.is(simulation.valueOf(store.load(3)).kind, 'sound');
    return;
  }
  t.fail('it was never gone back on');
});

test('a kill at that moment loses nothing: the start flushes what was written', (t) => {
  for (let seed = 0; seed < SEEDS; seed += 1) {
    const simulation = cutShort(seed, 'kill');
    const store = simulation.open();
    simulation.disk.crash();
    const again = simulation.open();
    for (const one of [store, again]) {
      t.deepEqual(
        [1, 2, 3].map((sector) => Number(one.stampOf(sector).timestamp)),
        [2, 2, 2],
      );
    }
    for (const sector of [1, 2, 3]) held(t, simulation, again, sector);
    t.is(undoneIn(simulation), 0);
  }
});

for (const pages of ['lost', 'clean'] as const) {
  test(`a flush that fails while records get there (pages ${pages}): the start decides`, (t) => {
    for (let seed = 0; seed < SEEDS; seed += 1) {
      const simulation = simulate(seed);
      const { disk } = simulation;
      const store = simulation.open();
      put(store, 1, 1);
      simulation.run();
      disk.failFlush(new Error('EIO'), pages);
      const failed = put(store, 1, 2);
      simulation.run();
      t.like(failed.error, { code: 'ATDD_STORE_FAILED' });
      t.is(disk.recordOf(1)?.stamp.counter, 2n);
      disk.kill();
      const found = held(t, simulation, simulation.open(), 1);
      t.true(found === 1 || found === 2);
      disk.crash();
      t.is(held(t, simulation, simulation.open(), 1), found);
    }
  });
}

test('no room for the data of records that are there: refused, and not adopted later', (t) => {
  for (let seed = 0; seed < SEEDS; seed += 1) {
    for (const commitsRefused of [0, 1, 3]) {
      const simulation = simulate(seed);
      const { disk } = simulation;
      const store = simulation.open();
      put(store, 1, 1);
      simulation.run();
      slowFlush(simulation);
      disk.failNext('flush', new NoSpace('no room'));
      const refused = [put(store, 1, 2), put(store, 2, 1)];
      const zeroed = watch(store.put(3, stampOf(1), ZERO_SECTOR));
      simulation.run(10);
      t.is(disk.recordOf(2)?.stamp.counter, 1n, 'the records are there');
      for (let count = 0; count < commitsRefused; count += 1) {
        disk.failNext('commit', new NoSpace('no room'));
      }
      simulation.run();
      for (const { values } of [...refused, zeroed]) t.deepEqual(values, ['full']);
      t.deepEqual(
        [1, 2, 3].map((sector) => held(t, simulation, store, sector)),
        [1, 0, 0],
      );
      t.is(store.stats().slotCount, 1);
      disk.crash();
      const again = simulation.open();
      t.deepEqual(
        [1, 2, 3].map((sector) => held(t, simulation, again, sector)),
        [1, 0, 0],
      );
      // Refusals may be left: what did take effect in spite of one needed no other attempt.
      while (simulation.valueOf(again.put(2, stampOf(1), contentOf(2, 1))) === 'full') {
        t.true(commitsRefused > 0);
      }
      t.is(held(t, simulation, again, 2), 1);
    }
  }
});

test('a read that fails once does not make it go back on what was acknowledged', (t) => {
  for (let seed = 0; seed < SEEDS; seed += 1) {
    const simulation = simulate(seed);
    const { disk } = simulation;
    const store = simulation.open();
    for (const timestamp of [1, 2]) {
      put(store, 1, timestamp);
      simulation.run();
    }
    disk.crash();
    disk.failNext('read', new Error('EIO'));
    const again = simulation.open();
    t.deepEqual(again.stampOf(1), stampOf(2));
  }
});

test('rot of what was acknowledged is damage, not a commit that was cut short', (t) => {
  const simulation = simulate(1);
  const { disk } = simulation;
  const store = simulation.open();
  for (const timestamp of [1, 2]) {
    put(store, 1, timestamp);
    simulation.run();
  }
  disk.flipBit(disk.recordOf(1)?.slot ?? -1);
  disk.kill();
  const again = simulation.open();
  t.is(simulation.valueOf(again.load(1)).kind, 'damaged');
  t.deepEqual(again.stampOf(1), stampOf(2));
});

test('so is rot where the old slot was used again, whatever is known of the commit', (t) => {
  let unknownCount = 0;
  for (let seed = 0; seed < SEEDS; seed += 1) {
    const simulation = simulate(seed);
    const { disk } = simulation;
    const store = simulation.open();
    put(store, 1, 1);
    simulation.run();
    put(store, 1, 2);
    simulation.run();
    // The next commit writes into the slot that became free, and gets no further.
    disk.onTrace = ({ kind }) => {
      if (kind === 'write') disk.crash();
    };
    put(store, 2, 1);
    simulation.run();
    disk.onTrace = () => undefined;
    const record = disk.recordOf(1);
    t.is(record?.stamp.counter, 2n);
    disk.flipBit(record?.slot ?? -1);
    disk.flipBit(1 - (record?.slot ?? 0));
    const again = simulation.open();
    t.deepEqual(again.stampOf(1), stampOf(2), `seed ${seed}`);
    t.is(simulation.valueOf(again.load(1)).kind, 'damaged');
    unknownCount += 1;
  }
  t.is(unknownCount, SEEDS);
});

/** A folder whose last commit is the second value of sectors 1 and 2; the slot of 1 is spoilt. */
async function spoilt(t: ExecutionContext): Promise<string> {
  const folder = await freshFolder(t);
  const store = await openAt(folder);
  await valueOf(store.put(1, stampOf(1), contentOf(1, 1)));
  await valueOf(store.put(1, stampOf(2), contentOf(1, 2)));
  await ended(store.close());
  const descriptor = openSync(join(folder, 'data.slots'), 'r+');
  writeSync(descriptor, Buffer.alloc(512, 7), 0, 512, SECTOR_SIZE_BYTES + 1_024);
  closeSync(descriptor);
  return folder;
}

/** As a power cut leaves it that nothing of the last commit's note has survived. */
function forgetLast(folder: string): void {
  const file = join(folder, 'acknowledged');
  const acknowledged = openAcknowledgedFile(file, asyncScheduler);
  const place = 512 * ((acknowledged.countAtOpen ?? 0) % 2);
  acknowledged.close();
  const bytes = readFileSync(file);
  bytes.fill(0, place, place + 12);
  writeFileSync(file, bytes);
}

test('on real files: gone back on if it is not known to be complete', async (t) => {
  const folder = await spoilt(t);
  forgetLast(folder);
  for (const undoneCount of [1, 0]) {
    const log = keepingLog();
    const store = await openAt(folder, {}, log);
    t.deepEqual(store.stampOf(1), stampOf(1));
    const copy = await valueOf(store.load(1));
    t.true(copy.kind === 'sound' && isSame(copy.data, contentOf(1, 1)));
    const undone = log.lines.filter(({ fields }) => fields['event'] === 'commitUndone');
    t.is(undone.length, undoneCount);
    await ended(store.close());
  }
  const store = await openAt(folder);
  t.is(await valueOf(store.put(1, stampOf(2), contentOf(1, 2))), 'stored');
  await ended(store.close());
});

test('on real files: damaged if it is', async (t) => {
  const folder = await spoilt(t);
  const store = await openAt(folder);
  t.deepEqual(store.stampOf(1), stampOf(2));
  t.is((await valueOf(store.load(1))).kind, 'damaged');
  await ended(store.close());
});
