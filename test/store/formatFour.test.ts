/**
 * A folder of format version 3, made here byte by byte, and its way to version 4: when its process asks for the strict
 * store, and at no other time.
 */
import { execFileSync } from 'node:child_process';
import { cp, mkdir, readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import { ClassicLevel } from 'classic-level';
import type { StrictStore } from '../../src/ports/strictStore.js';
import type { OpenedSectorStore } from '../../src/store/openSectorStore.js';
import { ended, freshFolder, IDENTITY, openAt, valueOf } from './realStore.js';
import { dice } from '../helpers/seed.js';
import { dataOf, isSame, keepingLog, stampOf, versionOf } from './storeHarness.js';
import { rangeData, sectorsOf, strictStamp, writeOf } from './strictHarness.js';

const SECTORS = 12;

function diskUsage(folder: string): number {
  return Number(execFileSync('du', ['-sB1', folder], { encoding: 'utf8' }).split('\t')[0]);
}

function withCheck(key: Buffer, body: Buffer): Buffer {
  const check = Buffer.alloc(4);
  check.writeUInt32BE(crc32(body, crc32(key)));
  return Buffer.concat([body, check]);
}

function u64(value: number | bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** Sector `n` has timestamp 100 + n of rank 2 and slot n. */
function makeRecord(sector: number): { key: Buffer; body: Buffer } {
  const stamp = Buffer.concat([u64(100 + sector), Buffer.of(2)]);
  const checksum = crc32(dataOf(sector), crc32(Buffer.concat([u64(sector), stamp])));
  return {
    key: Buffer.concat([Buffer.of(1), u64(sector)]),
    body: Buffer.concat([stamp, u32(sector), u32(checksum)]),
  };
}

async function withLevel<T>(
  folder: string,
  work: (level: ClassicLevel<Uint8Array, Uint8Array>) => Promise<T>,
): Promise<T> {
  const location = join(folder, 'metadata');
  const encodings = { keyEncoding: 'view', valueEncoding: 'view', compression: false } as const;
  const level = new ClassicLevel<Uint8Array, Uint8Array>(location, encodings);
  await level.open();
  try {
    return await work(level);
  } finally {
    await level.close();
  }
}

/** A folder as a program of format version 3 left it after one commit. */
async function versionThree(t: ExecutionContext): Promise<string> {
  const folder = await freshFolder(t);
  await mkdir(folder);
  const records = Array.from({ length: SECTORS }, (_, sector) => makeRecord(sector));
  const values = records.map(({ key, body }) => withCheck(key, body));
  const checkSum = values.reduce((sum, value) => (sum + value.readUInt32BE(value.length - 4)) % 2 ** 32, 0);
  const superblock = { formatVersion: 3, phase: 'ready', ...IDENTITY, createdBy: 'version 3' };
  const never = Buffer.concat([Buffer.alloc(9), u32(0xffff_ffff), u32(0)]);
  const replaced = records.flatMap((_, sector) => [u64(sector), never]);
  await withLevel(folder, (level) =>
    level
      .batch()
      .put(Buffer.of(0), Buffer.from(JSON.stringify(superblock)))
      .put(Buffer.of(3), withCheck(Buffer.alloc(0), Buffer.concat([u64(1), u64(SECTORS), u32(checkSum)])))
      .put(Buffer.of(5), withCheck(Buffer.alloc(0), Buffer.concat([u64(1), ...replaced])))
      .write({ sync: true }),
  );
  await withLevel(folder, async (level) => {
    for (const [index, { key }] of records.entries()) await level.put(key, values[index]);
  });
  await writeFile(join(folder, 'data.slots'), Buffer.concat(records.map((_, sector) => dataOf(sector))));
  const acknowledged = Buffer.alloc(1_024);
  withCheck(Buffer.alloc(0), u64(1)).copy(acknowledged, 512);
  await writeFile(join(folder, 'acknowledged'), acknowledged);
  return folder;
}

async function formatOf(folder: string): Promise<unknown> {
  const bytes = await withLevel(folder, (level) => level.get(Uint8Array.of(0)));
  return (JSON.parse(Buffer.from(bytes ?? []).toString()) as { formatVersion: unknown }).formatVersion;
}

async function isAsItWas(t: ExecutionContext, store: OpenedSectorStore, from = 0): Promise<void> {
  for (let sector = from; sector < SECTORS; sector += 1) {
    t.deepEqual(store.stampOf(sector), stampOf(100 + sector, 2));
    const copy = await valueOf(store.load(sector));
    t.true(copy.kind === 'sound' && isSame(copy.data, dataOf(sector)), `sector ${sector}`);
  }
}

async function holdsRange(t: ExecutionContext, store: StrictStore, first: number, name: number): Promise<void> {
  const copies = sectorsOf(await valueOf(store.loadRange({ first, count: 4 })));
  copies.forEach((copy, index) => {
    const data = rangeData({ first: first + index, count: 1 }, name);
    t.true(copy !== 'damaged' && isSame(copy, data), `sector ${first + index}`);
  });
}

test('a folder of version 3 stays one as long as nobody asks for the strict store', async (t) => {
  const folder = await versionThree(t);
  const store = await openAt(folder);
  await isAsItWas(t, store);
  t.is(await valueOf(store.put(0, stampOf(500, 3), dataOf(77))), 'stored');
  await ended(store.close());
  t.is(await formatOf(folder), 3);
  // The bytes of a record of version 3, as that wrote them.
  const value = Buffer.from((await withLevel(folder, (level) => level.get(makeRecord(0).key))) ?? []);
  t.is(value.subarray(0, 13).toString('hex'), `${u64(500).toString('hex')}030000000c`);
  const checksum = crc32(dataOf(77), crc32(Buffer.concat([u64(0), u64(500), Buffer.of(3)])));
  t.is(value.readUInt32BE(13), checksum);
  t.is(value.length, 21);
});

test('asked for, it becomes one of version 4, once; old and new versions are there together', async (t) => {
  const folder = await versionThree(t);
  const log = keepingLog();
  const opened = await openAt(folder, {}, log);
  let store = await valueOf(opened.openStrict());
  await valueOf(opened.openStrict());
  const upgrades = log.lines.filter(({ message }) => message === 'storage folder upgraded');
  t.deepEqual(
    upgrades.map(({ fields }) => fields),
    [{ folder, from: 3, to: 4 }],
  );
  t.deepEqual(store.versionOf(5), versionOf(105, 2));
  t.deepEqual(store.highestStamp, versionOf(111, 2).stamp);
  const { stamp: held } = versionOf(108, 2);
  const settled = { range: { first: 8, count: 1 }, stamp: strictStamp(900), origin: held, data: { held } };
  const puts = [writeOf({ first: 0, count: 4 }, 900), settled];
  t.is(await valueOf(store.putRanges(puts)), 'stored');
  await ended(opened.close());
  t.is(await formatOf(folder), 4);

  const later = keepingLog();
  const again = await openAt(folder, {}, later);
  store = await valueOf(again.openStrict());
  t.false(later.lines.some(({ message }) => message === 'storage folder upgraded'));
  await holdsRange(t, store, 0, 900);
  t.deepEqual(store.versionOf(2), { stamp: strictStamp(900), origin: strictStamp(900) });
  t.deepEqual(store.versionOf(8), { stamp: strictStamp(900), origin: held });
  await isAsItWas(t, again, 9);
  const [copy] = sectorsOf(await valueOf(store.loadRange({ first: 8, count: 1 })));
  t.true(copy !== 'damaged' && isSame(copy, dataOf(8)));
  await ended(again.close());
});

/** LevelDB's log, to which the last batch was appended. */
async function logOf(folder: string): Promise<string> {
  const names = (await readdir(join(folder, 'metadata'))).filter((name) => name.endsWith('.log'));
  if (names.length !== 1) throw new Error(`logs: ${names.join()}`);
  return join(folder, 'metadata', names[0]);
}

test('wherever a power cut cuts the upgrade short, the folder is of version 3 or 4, and whole', async (t) => {
  const folder = await versionThree(t);
  const opened = await openAt(folder);
  const from = (await stat(await logOf(folder))).size;
  await valueOf(opened.openStrict());
  const upTo = (await stat(await logOf(folder))).size;
  const copies: string[] = [];
  for (let end = from; end <= upTo; end += end + 16 < upTo || end === upTo ? 16 : upTo - end) {
    const copy = join(folder, '..', `cut${end}`);
    await cp(folder, copy, { recursive: true });
    await truncate(await logOf(copy), end);
    copies.push(copy);
  }
  await ended(opened.close());
  const found: unknown[] = [];
  for (const copy of copies) {
    const store = await openAt(copy);
    await isAsItWas(t, store);
    await ended(store.close());
    found.push(await formatOf(copy));
  }
  t.deepEqual([found[0], found.at(-1)], [3, 4]);
  t.is(found.filter((version) => version === 4).length, 1);
});

test('a range on real files: one piece of the data file, there again after a restart', async (t) => {
  const folder = await freshFolder(t);
  const opened = await openAt(folder);
  const store = await valueOf(opened.openStrict());
  const range = { first: 256, count: 256 };
  const data = rangeData(range, 1);
  t.is(await valueOf(store.putRanges([{ ...writeOf(range, 1), data }])), 'stored');
  t.true(isSame(await readFile(join(folder, 'data.slots')), data));
  const runs = await valueOf(store.loadRange(range));
  t.is(runs.length, 1);
  t.true(runs[0].data instanceof Uint8Array && isSame(runs[0].data, data));
  await ended(opened.close());
  const again = await openAt(folder);
  const [run] = await valueOf((await valueOf(again.openStrict())).loadRange(range));
  t.true(run.data instanceof Uint8Array && isSame(run.data, data));
  await ended(again.close());
});

const MANY = 2_048;
const ROUNDS = 20;

test(`${MANY} sectors in ranges, overwritten and settled ${ROUNDS} times: 1.1 times their size, 8 MiB`, async (t) => {
  const folder = await freshFolder(t);
  const opened = await openAt(folder);
  const store = await valueOf(opened.openStrict());
  const random = dice(7);
  let highest = 0;
  for (let round = 1; round <= ROUNDS; round += 1) {
    const written = strictStamp(2 * round, `client ${round}`);
    const stamp = strictStamp(2 * round + 1, `settler ${round}`);
    for (let first = 0; first < MANY;) {
      const count = Math.min(1 + random.below(256), 256 - (first % 256));
      const range = { first, count };
      const put = { range, stamp: written, origin: written, data: rangeData(range, round) };
      t.is(await valueOf(store.putRanges([put])), 'stored');
      const settled = { range, stamp, origin: written, data: { held: written } };
      if (round % 2 === 0) t.is(await valueOf(store.putRanges([settled])), 'stored');
      first += count;
    }
    highest = Math.max(highest, diskUsage(folder));
  }
  const bound = 1.1 * 4_096 * MANY + 8 * 1_024 * 1_024;
  t.log({ highest, bound, slots: opened.stats().fileSlotCount });
  t.true(highest <= bound, `${highest} bytes`);
  for (let first = 0; first < MANY; first += 4) await holdsRange(t, store, first, ROUNDS);
  await ended(opened.close());
});
