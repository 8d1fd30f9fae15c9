/** The metadata file by itself. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { firstValueFrom, lastValueFrom, toArray } from 'rxjs';
import type { RecordBatch, RecordTotals, SectorRecord } from '../../src/ports/blockFiles.js';
import { openLevelMetadata } from '../../src/shell/levelMetadata.js';
import { ended, freshFolder } from './realStore.js';
import { keepingLog, versionOf } from './storeHarness.js';

function recordOf(sector: number, timestamp: number): SectorRecord {
  const slot = sector % 3 === 0 ? null : sector % 1000;
  return { ...versionOf(timestamp, 2), sector, slot, checksum: timestamp * 7 };
}

const TOTALS: RecordTotals = { commitCount: 7, recordCount: 2 ** 40, checkSum: 0xffff_ffff };

function batchOf(records: readonly SectorRecord[], commitCount = 7): RecordBatch {
  return { records, totals: { ...TOTALS, commitCount }, replaced: [] };
}

test('all records come back, in batches', async (t) => {
  const location = await freshFolder(t);
  const options = { createIfMissing: true, log: keepingLog() };
  const metadata = await firstValueFrom(openLevelMetadata(location, options));
  t.false(await firstValueFrom(metadata.hasRecords()));
  await ended(metadata.writeSuperblock(Uint8Array.of(1, 2, 3)));
  t.false(await firstValueFrom(metadata.hasRecords()), 'the superblock is none');
  const records = Array.from({ length: 10_000 }, (_, index) => recordOf(index * 2 ** 20, index));
  for (let start = 0; start < records.length; start += 500) {
    await ended(metadata.commit(batchOf(records.slice(start, start + 500), start)));
  }
  t.true(await firstValueFrom(metadata.hasRecords()));
  const batches = await lastValueFrom(metadata.records().pipe(toArray()));
  t.true(batches.length >= 3, `${batches.length} batches`);
  t.deepEqual(batches.flat(), records);
  t.deepEqual(await firstValueFrom(metadata.superblock()), Buffer.of(1, 2, 3));
  t.deepEqual(await firstValueFrom(metadata.totals()), { ...TOTALS, commitCount: 9_500 });
  await ended(metadata.close());
});

test('it is opened again after so many records, between two commits', async (t) => {
  const location = await freshFolder(t);
  const options = { createIfMissing: true, log: keepingLog(), reopenAfterRecords: 10 };
  const metadata = await firstValueFrom(openLevelMetadata(location, options));
  const logInodes = new Set<number>();
  const commits: Promise<unknown>[] = [];
  for (let round = 0; round < 20; round += 1) {
    const records = [recordOf(1, round), recordOf(100 + round, round)];
    commits.push(ended(metadata.commit(batchOf(records))));
    // Some wait for the one before, some are asked for at once.
    if (round % 3 === 0) await Promise.all(commits);
    logInodes.add(statSync(join(location, 'LOG')).ino);
  }
  await Promise.all(commits);
  t.true(logInodes.size >= 2, 'it was never opened again');
  const found = await firstValueFrom(metadata.reopen([1, 110, 5]));
  t.deepEqual(
    found,
    new Map([
      [1, recordOf(1, 19)],
      [110, recordOf(110, 10)],
    ]),
  );
  const records = (await lastValueFrom(metadata.records().pipe(toArray()))).flat();
  t.is(records.length, 21);
  await ended(metadata.close());
});

test('what the last commit replaced is told, until another one comes', async (t) => {
  const location = await freshFolder(t);
  const options = { createIfMissing: true, log: keepingLog() };
  const open = () => firstValueFrom(openLevelMetadata(location, options));
  let metadata = await open();
  t.deepEqual(await firstValueFrom(metadata.unconfirmed()), []);
  const replaced = [recordOf(4, 1), recordOf(3, 1)];
  await ended(metadata.commit({ ...batchOf([recordOf(4, 2), recordOf(3, 2)], 8), replaced }));
  await ended(metadata.close());
  metadata = await open();
  t.deepEqual(await firstValueFrom(metadata.unconfirmed()), replaced);
  await ended(metadata.commit(batchOf([recordOf(6, 1)], 9)));
  t.deepEqual(await firstValueFrom(metadata.unconfirmed()), [], 'that one has no data');
  // Totals of before it: records are missing.
  await ended(metadata.commit(batchOf([recordOf(6, 2)], 7)));
  await t.throwsAsync(firstValueFrom(metadata.unconfirmed()), {
    code: 'ATDD_STORE_CORRUPT',
    message: /commit 8 says what it replaced, but 7 commits are all there were/,
  });
  await ended(metadata.close());
});

test('a close that comes during a commit waits for it', async (t) => {
  const location = await freshFolder(t);
  const options = { createIfMissing: true, log: keepingLog() };
  const metadata = await firstValueFrom(openLevelMetadata(location, options));
  const order: string[] = [];
  const commit = ended(metadata.commit(batchOf([recordOf(4, 1)]))).then(() => order.push('committed'));
  const close = ended(metadata.close()).then(() => order.push('closed'));
  await Promise.all([commit, close]);
  t.deepEqual(order, ['committed', 'closed']);
  const again = await firstValueFrom(openLevelMetadata(location, options));
  t.deepEqual(await lastValueFrom(again.records()), [recordOf(4, 1)]);
  await ended(again.close());
});

test('metadata that are not there are not made unless asked for', async (t) => {
  const location = await freshFolder(t);
  const options = { createIfMissing: false, log: keepingLog() };
  await t.throwsAsync(firstValueFrom(openLevelMetadata(location, options)), {
    code: 'ATDD_STORE_CORRUPT',
  });
});

const MANY_COMMITS = 900;
const RECORDS_PER_COMMIT = 256;

/** Bytes of what LevelDB only shrinks when it is opened. */
function overheadBytes(location: string): number {
  return readdirSync(location)
    .filter((name) => name.startsWith('LOG') || name.startsWith('MANIFEST'))
    .reduce((total, name) => total + statSync(join(location, name)).size, 0);
}

/** Overwrites for long. @returns the most that LOG and MANIFEST took, and the longest commit. */
async function overwriteForLong(
  location: string,
  reopenAfterRecords: number,
): Promise<{ mostBytes: number; longestMs: number; tookMs: number }> {
  const options = { createIfMissing: true, log: keepingLog(), reopenAfterRecords };
  const metadata = await firstValueFrom(openLevelMetadata(location, options));
  const startMs = performance.now();
  let mostBytes = 0;
  let longestMs = 0;
  for (let commit = 0; commit < MANY_COMMITS; commit += 1) {
    const records = Array.from({ length: RECORDS_PER_COMMIT }, (_, index) =>
      recordOf((commit * 7919 + index * 31) % 5_000, commit),
    );
    const beganMs = performance.now();
    await ended(metadata.commit(batchOf(records)));
    longestMs = Math.max(longestMs, performance.now() - beganMs);
    mostBytes = Math.max(mostBytes, overheadBytes(location));
  }
  await ended(metadata.close());
  return {
    mostBytes,
    longestMs: Math.round(longestMs),
    tookMs: Math.round(performance.now() - startMs),
  };
}

test('opened again now and then, LOG and MANIFEST stay small', async (t) => {
  const parent = await freshFolder(t);
  const never = await overwriteForLong(join(parent, 'never'), Number.POSITIVE_INFINITY);
  const often = await overwriteForLong(join(parent, 'often'), 20_000);
  t.log({ records: MANY_COMMITS * RECORDS_PER_COMMIT, never, often });
  // LOG.old of the time before counts as well.
  t.true(often.mostBytes < never.mostBytes / 2, 'it grew all the same');
});
