/** What only real files can show: space, damage, and whose folder it is. */
import { execFileSync } from 'node:child_process';
import { closeSync, existsSync, openSync, readdirSync, readlinkSync, readSync, statSync, writeSync } from 'node:fs';
import { copyFile, cp, mkdir, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { ClassicLevel } from 'classic-level';
import { forkJoin } from 'rxjs';
import { SECTOR_SIZE_BYTES, ZERO_SECTOR } from '../../src/core/sector.js';
import type { SectorStore } from '../../src/ports/store.js';
import { encodeRecords } from '../../src/store/recordFormat.js';
import { encodeSuperblock, STORE_FORMAT_VERSION } from '../../src/store/superblock.js';
import { ended, freshFolder, IDENTITY, openAt, valueOf } from './realStore.js';
import { dataOf, isSame, keepingLog, stampOf, versionOf } from './storeHarness.js';

const MIB = 1024 * 1024;

/** What the file system has given to a folder. */
function diskUsage(folder: string): number {
  return Number(execFileSync('du', ['-sB1', folder], { encoding: 'utf8' }).split('\t')[0]);
}

async function putAll(store: SectorStore, sectors: readonly number[], round: number) {
  const puts = sectors.map((sector) => store.put(sector, stampOf(round), dataOf(sector * 100 + round)));
  return valueOf(forkJoin(puts));
}

test('2,000 sectors, each overwritten 20 times: 1.1 times their size and 8 MiB', async (t) => {
  const folder = await freshFolder(t);
  const store = await openAt(folder);
  const sectorCount = 2000;
  const bound = 1.1 * SECTOR_SIZE_BYTES * sectorCount + 8 * MIB;
  const sectors = Array.from({ length: sectorCount }, (_, index) => index);
  let highest = 0;
  for (let round = 1; round <= 21; round += 1) {
    // In another order each time, and not all at once: commits of all sizes.
    const order = sectors.map((_, index) => (index * 613 + round * 97) % sectorCount);
    for (let start = 0; start < sectorCount; start += 500) {
      await putAll(store, order.slice(start, start + 500), round);
    }
    highest = Math.max(highest, diskUsage(folder));
  }
  const idle = diskUsage(folder);
  const { slotCount, writtenCount } = store.stats();
  t.is(slotCount, sectorCount);
  t.is(writtenCount, sectorCount);
  await ended(store.close());
  const closed = diskUsage(folder);
  t.log({ bound, highest, idle, closed });
  t.true(highest <= bound, `at most ${highest} bytes while it was written`);
  t.true(idle <= bound, `${idle} bytes when idle`);
  t.true(closed <= bound, `${closed} bytes when closed`);
  const fileSlots = statSync(join(folder, 'data.slots')).size / SECTOR_SIZE_BYTES;
  t.true(fileSlots <= sectorCount + 256, `${fileSlots} slots`);

  const again = await openAt(folder);
  for (const sector of sectors) {
    const copy = await valueOf(again.load(sector));
    t.assert(copy.kind === 'sound' && isSame(copy.data, dataOf(sector * 100 + 21)), `${sector}`);
  }
  await ended(again.close());
});

test('sectors of zeros take no room in the data file', async (t) => {
  const folder = await freshFolder(t);
  const store = await openAt(folder);
  const sectors = Array.from({ length: 1000 }, (_, index) => index);
  await valueOf(forkJoin(sectors.map((sector) => store.put(sector, stampOf(1), ZERO_SECTOR))));
  t.is(statSync(join(folder, 'data.slots')).size, 0);
  t.is(store.stats().writtenCount, 1000);
  await ended(store.close());
  const again = await openAt(folder);
  t.deepEqual(again.stampOf(999), stampOf(1));
  await ended(again.close());
});

test('one flipped bit in the data file: that sector is damaged, the others served', async (t) => {
  const folder = await freshFolder(t);
  const log = keepingLog();
  const store = await openAt(folder, {}, log);
  await putAll(store, [0, 1, 2], 1);
  const descriptor = openSync(join(folder, 'data.slots'), 'r+');
  const byte = Buffer.alloc(1);
  const position = SECTOR_SIZE_BYTES + 4095;
  readSync(descriptor, byte, 0, 1, position);
  byte[0] ^= 0x01;
  writeSync(descriptor, byte, 0, 1, position);
  closeSync(descriptor);
  const kinds = await valueOf(forkJoin([0, 1, 2].map((sector) => store.load(sector))));
  t.deepEqual(
    kinds.map(({ kind }) => kind),
    ['sound', 'damaged', 'sound'],
  );
  t.deepEqual(
    log.lines.filter(({ level }) => level === 'error').map(({ fields }) => fields['sector']),
    [1],
  );
  t.is(await valueOf(store.put(1, stampOf(1), dataOf(101))), 'stored');
  t.is((await valueOf(store.load(1))).kind, 'sound');
  await ended(store.close());
});

test('a data file that was cut: the sectors behind the cut are damaged', async (t) => {
  const folder = await freshFolder(t);
  const store = await openAt(folder);
  await putAll(store, [0, 1, 2], 1);
  await ended(store.close());
  await truncate(join(folder, 'data.slots'), SECTOR_SIZE_BYTES + 100);
  const log = keepingLog();
  const again = await openAt(folder, {}, log);
  t.is(log.lines.find(({ fields }) => fields['event'] === 'sectorsLost')?.fields['count'], 2);
  const kinds = await valueOf(forkJoin([0, 1, 2].map((sector) => again.load(sector))));
  t.deepEqual(
    kinds.map(({ kind }) => kind),
    ['sound', 'damaged', 'damaged'],
  );
  await ended(again.close());
});

test('a folder is made for this user alone', async (t) => {
  const folder = join(await freshFolder(t), 'a', 'b');
  const store = await openAt(folder);
  t.is((await stat(folder)).mode & 0o777, 0o700);
  t.is((await stat(join(folder, 'data.slots'))).mode & 0o777, 0o600);
  await ended(store.close());
});

test('a folder in use is refused', async (t) => {
  const folder = await freshFolder(t);
  const store = await openAt(folder);
  await t.throwsAsync(openAt(folder), {
    code: 'ATDD_STORE_BUSY',
    message: /storage\/metadata is in use by another process/,
  });
  t.is(await valueOf(store.put(1, stampOf(1), dataOf(1))), 'stored');
  await ended(store.close());
});

test('the folder of another process or cluster is refused and left as it is', async (t) => {
  const folder = await freshFolder(t);
  await ended((await openAt(folder, { sectors: 100 })).close());
  await t.throwsAsync(openAt(folder, { sectors: 100, rank: 2 }), {
    code: 'ATDD_STORE_FOREIGN',
    message: /rank: found 1, expected 2/,
  });
  await t.throwsAsync(openAt(folder, { sectors: 100, cluster: 'other' }), {
    code: 'ATDD_STORE_FOREIGN',
  });
  await t.throwsAsync(openAt(folder, { sectors: 99 }), { code: 'ATDD_STORE_FOREIGN' });
  await ended((await openAt(folder, { sectors: 100 })).close());
});

test('a disk may grow, for good', async (t) => {
  const folder = await freshFolder(t);
  await ended((await openAt(folder, { sectors: 100 })).close());
  const log = keepingLog();
  await ended((await openAt(folder, { sectors: 200 }, log)).close());
  t.deepEqual(log.lines.find(({ message }) => message === 'the disk grows')?.fields, {
    from: 100,
    to: 200,
  });
  await t.throwsAsync(openAt(folder, { sectors: 100 }), { code: 'ATDD_STORE_FOREIGN' });
});

/** Does something to the metadata of a closed store. */
async function withLevel(
  folder: string,
  work: (level: ClassicLevel<Uint8Array, Uint8Array>) => Promise<void>,
): Promise<void> {
  const level = new ClassicLevel<Uint8Array, Uint8Array>(join(folder, 'metadata'), {
    keyEncoding: 'view',
    valueEncoding: 'view',
    compression: false,
  });
  await level.open();
  await work(level);
  await level.close();
}

test('another format version is refused', async (t) => {
  const folder = await freshFolder(t);
  await ended((await openAt(folder)).close());
  await withLevel(folder, (level) => level.put(Uint8Array.of(0), Buffer.from('{"formatVersion":7}')));
  await t.throwsAsync(openAt(folder), { code: 'ATDD_STORE_FORMAT', message: /version 7/ });
});

test('a record that rotted is refused: its stamp cannot be believed', async (t) => {
  const folder = await freshFolder(t);
  const store = await openAt(folder);
  await putAll(store, [5], 1);
  await ended(store.close());
  const [{ key, value }] = encodeRecords([{ ...versionOf(1), sector: 5, slot: 0, checksum: 1 }]);
  await withLevel(folder, (level) => {
    value[2] = 1;
    return level.put(key, value);
  });
  await t.throwsAsync(openAt(folder), {
    code: 'ATDD_STORE_CORRUPT',
    message: /record with key 010000000000000005 does not match its check/,
  });
});

test('a lost data file or lost metadata are not a new folder', async (t) => {
  const folder = await freshFolder(t);
  const store = await openAt(folder);
  await putAll(store, [1], 1);
  await ended(store.close());

  const noData = join(folder, '..', 'noData');
  await cp(folder, noData, { recursive: true });
  await rm(join(noData, 'data.slots'));
  const noMetadata = join(folder, '..', 'noMetadata');
  await mkdir(noMetadata);
  await copyFile(join(folder, 'data.slots'), join(noMetadata, 'data.slots'));

  for (let attempt = 0; attempt < 2; attempt += 1) {
    await t.throwsAsync(openAt(noData), {
      code: 'ATDD_STORE_CORRUPT',
      message: /there are metadata, but no data file/,
    });
    await t.throwsAsync(openAt(noMetadata), {
      code: 'ATDD_STORE_CORRUPT',
      message: /there is a data file, but no metadata/,
    });
  }
  t.deepEqual(await readdir(noMetadata), ['data.slots']);
});

test('also where only zeros were stored', async (t) => {
  const folder = await freshFolder(t);
  const store = await openAt(folder);
  await valueOf(store.put(1, stampOf(1), ZERO_SECTOR));
  await ended(store.close());
  await rm(join(folder, 'metadata'), { recursive: true });
  await t.throwsAsync(openAt(folder), { code: 'ATDD_STORE_CORRUPT' });
});

test('damage that LevelDB notices is refused', async (t) => {
  const folder = await freshFolder(t);
  await ended((await openAt(folder)).close());
  const manifest = (await readdir(join(folder, 'metadata'))).find((name) => name.startsWith('MANIFEST'));
  await rm(join(folder, 'metadata', manifest ?? ''));
  await t.throwsAsync(openAt(folder), { code: 'ATDD_STORE_CORRUPT', message: /Keep the folder/ });
});

test('a metadata log that cannot be read is not skipped; nor the next time', async (t) => {
  const folder = await freshFolder(t);
  const store = await openAt(folder);
  await putAll(store, [1], 1);
  await ended(store.close());
  const names = await readdir(join(folder, 'metadata'));
  const name = names.find((one) => one.endsWith('.log')) ?? '';
  // Reading a folder gives an error, as a bad disk would.
  await rm(join(folder, 'metadata', name));
  await mkdir(join(folder, 'metadata', name));
  for (let attempt = 0; attempt < 2; attempt += 1) {
    await t.throwsAsync(openAt(folder), {
      code: 'ATDD_STORE_CORRUPT',
      message: /acknowledged metadata were lost: .*IO error/,
    });
  }
});

test('a bit that rotted in the metadata log does not make sectors look unwritten', async (t) => {
  const folder = await freshFolder(t);
  const store = await openAt(folder);
  for (let first = 0; first < 900; first += 100) {
    const sectors = Array.from({ length: 100 }, (_, index) => first + index);
    await putAll(store, sectors, 1);
  }
  await ended(store.close());
  const names = await readdir(join(folder, 'metadata'));
  const log = join(folder, 'metadata', names.find((one) => one.endsWith('.log')) ?? '');
  const bytes = await readFile(log);
  t.true(bytes.length > 20_000, 'the records are in the log still');
  for (const [place, message] of [
    // A block in the middle is dropped, what is behind it is read.
    [6_000, /the metadata have \d+ records .*, but after commit 9 there were 900/],
    [bytes.length - 6_000, /the metadata end with commit \d+, but commit 9 was acknowledged/],
  ] as const) {
    const copy = join(folder, '..', `rotted-${place}`);
    await cp(folder, copy, { recursive: true });
    const rotted = Buffer.from(bytes);
    rotted[place] ^= 4;
    await writeFile(log.replace(folder, copy), rotted);
    // LevelDB drops what it cannot read, and the log with it: the second start must know too.
    for (let attempt = 0; attempt < 2; attempt += 1) {
      await t.throwsAsync(openAt(copy), { code: 'ATDD_STORE_CORRUPT', message });
    }
  }
});

const SUPERBLOCK = {
  ...IDENTITY,
  formatVersion: STORE_FORMAT_VERSION,
  createdBy: 'test',
};

test('a creation that was cut short is completed, wherever that was', async (t) => {
  const stages: readonly ((folder: string) => Promise<void>)[] = [
    (folder) => mkdir(folder),
    async (folder) => {
      await mkdir(join(folder, 'metadata'), { recursive: true });
    },
    async (folder) => {
      await mkdir(join(folder, 'metadata'), { recursive: true });
      await writeFile(join(folder, 'metadata', 'MANIFEST-000001'), 'half');
    },
    (folder) => withLevel(folder, () => Promise.resolve()),
    (folder) =>
      withLevel(folder, (level) => level.put(Uint8Array.of(0), encodeSuperblock({ ...SUPERBLOCK, phase: 'creating' }))),
    async (folder) => {
      await withLevel(folder, (level) =>
        level.put(Uint8Array.of(0), encodeSuperblock({ ...SUPERBLOCK, phase: 'creating' })),
      );
      await writeFile(join(folder, 'data.slots'), '');
    },
  ];
  for (const [index, stage] of stages.entries()) {
    const folder = await freshFolder(t);
    await stage(folder);
    const store = await openAt(folder);
    t.is(await valueOf(store.put(1, stampOf(1), dataOf(1))), 'stored', `stage ${index}`);
    await ended(store.close());
    const again = await openAt(folder);
    t.deepEqual(again.stampOf(1), stampOf(1), `stage ${index}`);
    await ended(again.close());
  }
});

test('a folder that cannot be what a creation leaves behind is refused', async (t) => {
  const [record] = encodeRecords([{ ...versionOf(1), sector: 1, slot: null, checksum: 0 }]);
  const stages: readonly ((folder: string) => Promise<void>)[] = [
    async (folder) => {
      await withLevel(folder, () => Promise.resolve());
      await writeFile(join(folder, 'data.slots'), '');
    },
    (folder) => withLevel(folder, (level) => level.put(record.key, record.value)),
    async (folder) => {
      await withLevel(folder, (level) =>
        level.put(Uint8Array.of(0), encodeSuperblock({ ...SUPERBLOCK, phase: 'creating' })),
      );
      await writeFile(join(folder, 'data.slots'), 'x');
    },
  ];
  for (const [index, stage] of stages.entries()) {
    const folder = await freshFolder(t);
    await stage(folder);
    await t.throwsAsync(openAt(folder), { code: 'ATDD_STORE_CORRUPT' }, `stage ${index}`);
  }
});

test('a failed opening leaves nothing open', async (t) => {
  const folder = await freshFolder(t);
  await ended((await openAt(folder)).close());
  for (let attempt = 0; attempt < 5; attempt += 1) {
    await t.throwsAsync(openAt(folder, { rank: 9 }), { code: 'ATDD_STORE_FOREIGN' });
  }
  const open = readdirSync('/proc/self/fd').flatMap((descriptor) => {
    const link = `/proc/self/fd/${descriptor}`;
    // The descriptor of this very listing is closed by now.
    return existsSync(link) ? [readlinkSync(link)] : [];
  });
  t.deepEqual(
    open.filter((path) => path.startsWith(folder)),
    [],
  );
  await ended((await openAt(folder)).close());
});
