/** Folders of older and of newer versions (docs/storage.md has the rule). */
import { existsSync } from 'node:fs';
import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { ClassicLevel } from 'classic-level';
import { forkJoin } from 'rxjs';
import { LAST_COMMIT_KEY } from '../../src/store/lastCommitFormat.js';
import { SUPERBLOCK_KEY, TOTALS_KEY } from '../../src/store/recordFormat.js';
import { STORE_FORMAT_VERSION, STORE_FORMAT_VERSION_BASE } from '../../src/store/superblock.js';
import { ended, freshFolder, openAt, valueOf } from './realStore.js';
import { dataOf, isSame, keepingLog, stampOf } from './storeHarness.js';

const SECTORS = 20;

async function withLevel<T>(
  folder: string,
  work: (level: ClassicLevel<Uint8Array, Uint8Array>) => Promise<T>,
): Promise<T> {
  const level = new ClassicLevel<Uint8Array, Uint8Array>(join(folder, 'metadata'), {
    keyEncoding: 'view',
    valueEncoding: 'view',
    compression: false,
  });
  await level.open();
  try {
    return await work(level);
  } finally {
    await level.close();
  }
}

async function formatOf(folder: string): Promise<unknown> {
  const bytes = await withLevel(folder, (level) => level.get(SUPERBLOCK_KEY));
  return (JSON.parse(Buffer.from(bytes ?? []).toString()) as { formatVersion: unknown }).formatVersion;
}

async function setVersion(folder: string, formatVersion: number): Promise<void> {
  await withLevel(folder, async (level) => {
    const bytes = (await level.get(SUPERBLOCK_KEY)) ?? new Uint8Array();
    const superblock = JSON.parse(Buffer.from(bytes).toString()) as object;
    await level.put(SUPERBLOCK_KEY, Buffer.from(JSON.stringify({ ...superblock, formatVersion })));
  });
}

/** A folder as version 2 left it: nothing is told of what the last commit replaced. */
async function versionTwo(t: ExecutionContext): Promise<string> {
  const folder = await freshFolder(t);
  const store = await openAt(folder);
  for (let round = 1; round <= 2; round += 1) {
    const puts = Array.from({ length: SECTORS }, (_, sector) =>
      store.put(sector, stampOf(round), dataOf(sector * 10 + round)),
    );
    await valueOf(forkJoin(puts));
  }
  await ended(store.close());
  await setVersion(folder, 2);
  await withLevel(folder, (level) => level.del(LAST_COMMIT_KEY));
  return folder;
}

/** A folder as version 1 left it: no totals and no file of the last commit either. */
async function versionOne(t: ExecutionContext): Promise<string> {
  const folder = await versionTwo(t);
  await setVersion(folder, 1);
  await withLevel(folder, (level) => level.del(TOTALS_KEY));
  await rm(join(folder, 'acknowledged'));
  return folder;
}

async function isWhole(t: ExecutionContext, folder: string): Promise<void> {
  const log = keepingLog();
  const store = await openAt(folder, {}, log);
  for (let sector = 0; sector < SECTORS; sector += 1) {
    t.deepEqual(store.stampOf(sector), stampOf(2));
    const copy = await valueOf(store.load(sector));
    t.assert(copy.kind === 'sound' && isSame(copy.data, dataOf(sector * 10 + 2)));
  }
  await ended(store.close());
}

for (const [from, made] of [
  [1, versionOne],
  [2, versionTwo],
] as const) {
  test(`a folder of version ${from} is upgraded when opened, once, and is whole`, async (t) => {
    const folder = await made(t);
    const log = keepingLog();
    await ended((await openAt(folder, {}, log)).close());
    const line = log.lines.find(({ message }) => message === 'storage folder upgraded');
    t.deepEqual(line?.fields, { folder, from, to: STORE_FORMAT_VERSION_BASE });
    t.is(await formatOf(folder), STORE_FORMAT_VERSION_BASE);
    await isWhole(t, folder);
    const later = keepingLog();
    const store = await openAt(folder, {}, later);
    t.false(later.lines.some(({ message }) => message === 'storage folder upgraded'));
    t.is(await valueOf(store.put(3, stampOf(3), dataOf(1))), 'stored');
    await ended(store.close());
    // It is guarded now as every other.
    await withLevel(folder, async (level) => {
      const key = Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0, 5);
      t.not(await level.get(key), undefined);
      await level.del(key);
    });
    await t.throwsAsync(openAt(folder), { code: 'ATDD_STORE_CORRUPT', message: /19 records/ });
  });
}

test('the number of the last commit is kept by the upgrade from version 2', async (t) => {
  const folder = await versionTwo(t);
  const copy = join(folder, '..', 'copy');
  await cp(folder, copy, { recursive: true });
  await ended((await openAt(folder)).close());
  t.deepEqual(await readFile(join(folder, 'acknowledged')), await readFile(join(copy, 'acknowledged')));
  // What is missing still shows.
  await rm(join(copy, 'acknowledged'));
  await t.throwsAsync(openAt(copy), { code: 'ATDD_STORE_CORRUPT', message: /is missing/ });
});

test('an upgrade that was cut short is done again', async (t) => {
  const folder = await versionOne(t);
  // The file is made before the superblock is written; it may even be half of it.
  for (const stray of ['', 'half of it']) {
    const copy = join(folder, '..', `copy${stray.length}`);
    await cp(folder, copy, { recursive: true });
    await writeFile(join(copy, 'acknowledged'), stray);
    await isWhole(t, copy);
    t.is(await formatOf(copy), STORE_FORMAT_VERSION_BASE);
  }
});

test('the folder of another is not upgraded', async (t) => {
  const folder = await versionOne(t);
  await t.throwsAsync(openAt(folder, { rank: 2 }), { code: 'ATDD_STORE_FOREIGN' });
  t.is(await formatOf(folder), 1);
  t.false(existsSync(join(folder, 'acknowledged')));
});

test('a newer version is refused, both versions named, and the folder left as it is', async (t) => {
  const folder = await freshFolder(t);
  const store = await openAt(folder);
  await valueOf(store.put(1, stampOf(1), dataOf(1)));
  await ended(store.close());
  const newer = STORE_FORMAT_VERSION + 1;
  await setVersion(folder, newer);
  const names = await readdir(folder);
  const data = await readFile(join(folder, 'data.slots'));
  await t.throwsAsync(openAt(folder), {
    code: 'ATDD_STORE_FORMAT',
    message: new RegExp(
      `${folder} has format version ${newer}; this program knows the versions 1 to ` +
        `${STORE_FORMAT_VERSION}\\. Start the program that made it, or a newer one`,
    ),
  });
  t.deepEqual(await readdir(folder), names);
  t.deepEqual(await readFile(join(folder, 'data.slots')), data);
  t.is(await formatOf(folder), newer);
  await setVersion(folder, STORE_FORMAT_VERSION);
  await ended((await openAt(folder)).close());
});
