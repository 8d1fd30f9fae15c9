import test from 'ava';
import fc from 'fast-check';
import { benchPatterns, firstTaken, isFree, readChooser } from '../../../src/cli/transfer/benchSectors.js';
import { programName, quote } from '../../../src/cli/clientSession.js';
import type { Chunk } from '../../../src/cli/transfer/transfer.js';
import { checkFits, chunksOf, divideWindow, forEachChunk, readInOrder } from '../../../src/cli/transfer/transfer.js';
import { wholeSectors } from '../../../src/cli/transfer/writeSectors.js';

test('chunks cover a length exactly, in order, and fit into the window', (t) => {
  fc.assert(
    fc.property(fc.nat(5_000_000), fc.integer({ min: 1, max: 2_000 }), (length, window) => {
      const { chunkSectors, chunkCount } = divideWindow(window);
      t.true(chunkCount >= 1 && chunkSectors * chunkCount <= window);
      let at = 0;
      for (const { offsetBytes, lengthBytes } of chunksOf(length, chunkSectors)) {
        t.is(offsetBytes, at);
        t.true(lengthBytes > 0 && lengthBytes <= chunkSectors * 4096);
        at += lengthBytes;
      }
      t.is(at, length);
    }),
    { numRuns: 50 },
  );
});

test('a range has to lie on the disk', (t) => {
  t.notThrows(() => {
    checkFits({ at: 6, lengthBytes: 4 * 4096, sectors: 10 });
    checkFits({ at: 10, lengthBytes: 0, sectors: 10 });
  });
  const error = { code: 'ATDD_RANGE' };
  t.throws(() => {
    checkFits({ at: 6, lengthBytes: 4 * 4096 + 1, sectors: 10 });
  }, error);
  t.throws(() => {
    checkFits({ at: 11, lengthBytes: 0, sectors: 10 });
  }, error);
});

test('a window of chunks is under way, each is handled once', async (t) => {
  let underWay = 0;
  let most = 0;
  const handled: number[] = [];
  await forEachChunk(100 * 4096, 8, async ({ offsetBytes }) => {
    underWay += 1;
    most = Math.max(most, underWay);
    await new Promise(setImmediate);
    underWay -= 1;
    handled.push(offsetBytes / 4096);
  });
  t.is(most, 1, 'one chunk of 8 sectors');
  t.deepEqual(
    handled,
    Array.from({ length: 13 }, (_, index) => index * 8),
  );
  most = 0;
  await forEachChunk(1_000 * 4096, 256, async () => {
    underWay += 1;
    most = Math.max(most, underWay);
    await new Promise(setImmediate);
    underWay -= 1;
  });
  t.is(most, 4);
});

test('the first failure ends a transfer', async (t) => {
  let count = 0;
  const handle = async ({ offsetBytes }: Chunk): Promise<void> => {
    count += 1;
    await new Promise(setImmediate);
    if (offsetBytes === 64 * 4096) throw new Error('broken');
  };
  await t.throwsAsync(forEachChunk(100_000 * 4096, 256, handle), { message: 'broken' });
  await new Promise((resolve) => setTimeout(resolve, 20));
  t.true(count <= 8, `${count} chunks`);
});

test('a range is read in order although its chunks come in any order', async (t) => {
  let underWay = 0;
  let most = 0;
  const client = {
    read: async (offset: number | bigint, length: number): Promise<Uint8Array> => {
      underWay += 1;
      most = Math.max(most, underWay);
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 5));
      underWay -= 1;
      return new Uint8Array(length).fill(Number(offset) / (4096 * 64));
    },
  };
  const range = { at: 64, lengthBytes: 20 * 64 * 4096 + 5, sectors: 10_000 };
  const seen: number[] = [];
  for await (const chunk of readInOrder(client, range, 256)) seen.push(chunk[0]);
  t.deepEqual(
    seen,
    Array.from({ length: 21 }, (_, index) => index + 1),
  );
  t.is(most, 4);
});

test('standard input has to be whole sectors, unless it is to be filled up', (t) => {
  const whole = Buffer.alloc(8192, 1);
  t.is(wholeSectors(whole, false), whole);
  t.is(wholeSectors(whole, true), whole);
  t.deepEqual(wholeSectors(Buffer.from('x'), true), Buffer.concat([Buffer.from('x'), Buffer.alloc(4095)]));
  const error = { code: 'ATDD_USAGE' };
  t.throws(() => wholeSectors(Buffer.from('x'), false), { ...error, message: /1 bytes.*--pad/ });
  t.throws(() => wholeSectors(Buffer.alloc(0), true), error);
  t.throws(() => wholeSectors(Buffer.alloc(0), false), error);
});

test('a bench knows its own data, and leaves that of others alone', (t) => {
  const patterns = benchPatterns(Math.random);
  t.true(patterns.every((pattern) => pattern.length === 4096 && isFree(pattern)));
  t.true(patterns.every((pattern) => pattern.some((byte) => byte !== 0)));
  t.not(patterns[0].compare(patterns[1]), 0);
  const disk = Buffer.concat([Buffer.alloc(4096), patterns[3], Buffer.alloc(4096)]);
  t.is(firstTaken(disk), null);
  disk[2 * 4096 + 4095] = 1;
  t.is(firstTaken(disk), 2);
});

test('the share of reads in a mix comes out exactly', (t) => {
  for (const fraction of [0, 0.1, 0.3, 0.7, 0.9, 1]) {
    const isRead = readChooser(fraction);
    const reads = Array.from({ length: 1_000 }, isRead).filter(Boolean).length;
    t.is(reads, Math.round(fraction * 1_000));
  }
});

test('commands that are shown can be typed', (t) => {
  t.is(quote('plain-file.img'), 'plain-file.img');
  t.is(quote("it's here"), "'it'\\''s here'");
  t.is(programName('/usr/bin/atdd', '/home/x'), 'atdd');
  t.is(programName('/home/x/disk/dist/main.js', '/home/x/disk'), 'node dist/main.js');
});
