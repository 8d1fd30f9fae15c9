/** What happens to the folder, or the file system below it, while a store is in use. */
import { execFile } from 'node:child_process';
import { chmod, cp, mkdir, open, rename, rm, statfs, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { ZERO_SECTOR } from '../../src/core/sector.js';
import { HANG_MS } from '../helpers/hang.js';
import { hasTools } from '../helpers/hasTools.js';
import { ended, freshFolder, openAt, valueOf } from './realStore.js';
import { dataOf, isSame, keepingLog, stampOf } from './storeHarness.js';

const run = promisify(execFile);
const MIB = 1024 * 1024;
const IS_ROOT = process.getuid?.() === 0;

for (const [what, act] of Object.entries<(folder: string) => Promise<void>>({
  'the folder is deleted': (folder) => rm(folder, { recursive: true }),
  'the folder is moved': (folder) => rename(folder, `${folder}-elsewhere`),
  'the data file is deleted': (folder) => rm(join(folder, 'data.slots')),
  'the data file is replaced by a copy': async (folder) => {
    await cp(join(folder, 'data.slots'), join(folder, 'copy'));
    await rename(join(folder, 'copy'), join(folder, 'data.slots'));
  },
  'the metadata are deleted': (folder) => rm(join(folder, 'metadata'), { recursive: true }),
  'the number of the last commit is deleted': (folder) => rm(join(folder, 'acknowledged')),
})) {
  test(`${what} while it is in use: nothing is acknowledged any more`, async (t) => {
    const folder = await freshFolder(t);
    const store = await openAt(folder);
    t.is(await valueOf(store.put(1, stampOf(1), dataOf(1))), 'stored');
    await act(folder);
    // What was acknowledged can still be read: its file is open.
    t.is((await valueOf(store.load(1))).kind, 'sound');
    for (const data of [ZERO_SECTOR, dataOf(2)]) {
      await t.throwsAsync(valueOf(store.put(2, stampOf(2), data)), {
        code: 'ATDD_STORE_FAILED',
        message: /(deleted or moved|replaced) while it was in use|No such file/,
      });
    }
  });
}

/** Runs `mount`; the test is over, and passed with a word, where that is not allowed. */
async function mounted(t: ExecutionContext, words: readonly string[], at: string): Promise<boolean> {
  if (!IS_ROOT) {
    t.log('left out: mounting needs root');
    t.pass();
    return false;
  }
  await mkdir(at, { recursive: true });
  try {
    await run('mount', [...words, at]);
  } catch (error) {
    if (process.env['REQUIRE_TOOLS'] === '1') throw error;
    t.log(`left out: ${String(error)}`);
    t.pass();
    return false;
  }
  t.teardown(() => run('umount', ['--lazy', at]).then(() => undefined));
  return true;
}

/** A program that another test runs may have got LevelDB's open files: as long as it takes. */
async function remountReadOnly(at: string): Promise<void> {
  for (const giveUpAt = performance.now() + HANG_MS; ;) {
    try {
      await run('mount', ['-o', 'remount,ro', at]);
      return;
    } catch (error) {
      if (performance.now() > giveUpAt) throw error;
      await pause(50);
    }
  }
}

test('a folder that may only be read: the start is refused, and says so', async (t) => {
  const folder = await freshFolder(t);
  const store = IS_ROOT ? null : await openAt(folder);
  if (store === null) {
    // Root may write everywhere but to a file system that is mounted read-only.
    if (!(await mounted(t, ['-t', 'tmpfs', '-o', 'size=32m', 'atdd'], folder))) return;
    const made = await openAt(join(folder, 'storage'));
    await valueOf(made.put(1, stampOf(1), dataOf(1)));
    await ended(made.close());
    await remountReadOnly(folder);
  } else {
    await ended(store.close());
    await chmod(join(folder, 'metadata'), 0o500);
  }
  const at = IS_ROOT ? join(folder, 'storage') : folder;
  await t.throwsAsync(openAt(at), {
    code: 'ATDD_STORE_FAILED',
    message: /cannot open the storage folder .*(read-only file system|permission denied)/i,
  });
  if (IS_ROOT) {
    await t.throwsAsync(openAt(join(folder, 'another')), {
      code: 'ATDD_STORE_FAILED',
      message: /read-only file system/i,
    });
    await run('mount', ['-o', 'remount,rw', folder]);
  } else {
    await chmod(join(folder, 'metadata'), 0o700);
  }
  await ended((await openAt(at)).close());
});

test('a file system that turns read-only while it is in use ends the store', async (t) => {
  if (!hasTools(t, 'mkfs.ext4', 'losetup')) return;
  const folder = await freshFolder(t);
  await mkdir(dirname(folder), { recursive: true });
  const image = join(dirname(folder), 'image');
  const file = await open(image, 'w');
  await file.truncate(64 * MIB);
  await file.close();
  await run('mkfs.ext4', ['-q', image]);
  if (!(await mounted(t, ['-o', 'loop,errors=remount-ro', image], folder))) return;
  const at = join(folder, 'storage');
  const store = await openAt(at);
  t.is(await valueOf(store.put(1, stampOf(1), dataOf(1))), 'stored');
  // What ext4 does by itself when it finds that its disk fails.
  await run('mount', ['-o', 'remount,abort', folder]);
  await t.throwsAsync(valueOf(store.put(1, stampOf(2), dataOf(2))), {
    code: 'ATDD_STORE_FAILED',
    message: /(EROFS|EIO|Read-only file system|Input\/output error)/,
  });
  t.deepEqual(store.stampOf(1), stampOf(1));
  await t.throwsAsync(valueOf(store.put(2, stampOf(1), ZERO_SECTOR)), {
    code: 'ATDD_STORE_FAILED',
  });
});

test('a disk that is full: trimmed sectors make room by themselves', async (t) => {
  const folder = await freshFolder(t);
  if (!(await mounted(t, ['-t', 'tmpfs', '-o', 'size=40m', 'atdd'], folder))) return;
  const log = keepingLog();
  const store = await openAt(join(folder, 'storage'), {}, log);
  let count = 0;
  while ((await valueOf(store.put(count, stampOf(1), dataOf(count)))) === 'stored') count += 1;
  t.true(count > 5_000, `full after ${count} sectors`);
  const free = async (): Promise<number> => {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  };
  const freeWhenFull = await free();
  t.true(freeWhenFull < 4 * MIB, `${freeWhenFull} bytes are free`);
  // What is there stays, and may be written again in the slots that are free.
  for (let sector = 0; sector < count; sector += 1) {
    if (sector % 4 === 0) continue;
    t.is(await valueOf(store.put(sector, stampOf(2), ZERO_SECTOR)), 'stored');
  }
  const giveUpAt = performance.now() + HANG_MS;
  while ((await free()) < freeWhenFull + 15 * MIB && performance.now() < giveUpAt) {
    await pause(50);
  }
  t.log({ count, freeWhenFull, freeAfterwards: await free() });
  t.true((await free()) >= freeWhenFull + 15 * MIB, 'the file system got its room back');
  t.is(await valueOf(store.put(count, stampOf(1), dataOf(count))), 'stored');
  for (let sector = 0; sector <= count; sector += 1) {
    const copy = await valueOf(store.load(sector));
    const isKept = sector % 4 === 0 || sector === count;
    const expected = isKept ? dataOf(sector) : ZERO_SECTOR;
    t.assert(copy.kind === 'sound' && isSame(copy.data, expected), `sector ${sector}`);
  }
  await ended(store.close());
});

test('a disk that others fill to the last byte, and room again', async (t) => {
  const folder = await freshFolder(t);
  if (!(await mounted(t, ['-t', 'tmpfs', '-o', 'size=24m', 'atdd'], folder))) return;
  const store = await openAt(join(folder, 'storage'));
  for (let sector = 0; sector < 100; sector += 1) {
    t.is(await valueOf(store.put(sector, stampOf(1), dataOf(sector))), 'stored');
  }
  const ballast = join(folder, 'ballast');
  await t.throwsAsync(writeFile(ballast, Buffer.alloc(32 * MIB)), { code: 'ENOSPC' });
  t.is(await valueOf(store.put(5, stampOf(2), dataOf(5))), 'full');
  t.is(await valueOf(store.put(1_000, stampOf(1), dataOf(1))), 'full');
  t.deepEqual(store.stampOf(5), stampOf(1));
  for (let sector = 0; sector < 100; sector += 1) {
    const copy = await valueOf(store.load(sector));
    t.assert(copy.kind === 'sound' && isSame(copy.data, dataOf(sector)), `sector ${sector}`);
  }
  await rm(ballast);
  t.is(await valueOf(store.put(5, stampOf(2), dataOf(55))), 'stored');
  await ended(store.close());
  const again = await openAt(join(folder, 'storage'));
  t.deepEqual(again.stampOf(5), stampOf(2));
  await ended(again.close());
});
