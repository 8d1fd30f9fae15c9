/** Byte ranges over sectors: alignment, partial sectors, bounds. */
import test from 'ava';
import fc from 'fast-check';
import { checkRange } from '../../src/client/byteRange.js';
import { sectorParts } from '../../src/core/sectorParts.js';
import { sectorOf, VirtualCluster } from './virtualCluster.js';

test('the parts of a range cover it exactly and in order', (t) => {
  fc.assert(
    fc.property(fc.bigInt(0n, 1n << 50n), fc.nat(50_000), (offset, length) => {
      const parts = sectorParts(offset, length);
      let at = 0;
      for (const part of parts) {
        t.is(part.at, at);
        t.true(part.from >= 0 && part.to <= 4096 && part.from < part.to);
        t.is(BigInt(part.sector) * 4096n + BigInt(part.from), offset + BigInt(at));
        at += part.to - part.from;
      }
      t.is(at, length);
      t.true(parts.length <= Math.ceil(length / 4096) + 1);
    }),
  );
});

test('ranges that leave the disk, or are none, are refused', (t) => {
  t.is(checkRange(8191, 1, 2), 8191n);
  t.is(checkRange(8192, 0, 2), 8192n);
  t.is(checkRange(2n ** 60n, 4096), 2n ** 60n);
  for (const [offset, length] of [
    [8191, 2],
    [8193, 0],
    [-1, 1],
    [0.5, 1],
    [0, -1],
    [0, 1.5],
  ]) {
    t.throws(() => checkRange(offset, length, 2), { code: 'ATDD_RANGE' }, `${offset}, ${length}`);
  }
  t.throws(() => checkRange(-1n, 1), { code: 'ATDD_RANGE' });
});

/** Answers what arrives until nothing more does, from a disk of its own. */
function serve(cluster: VirtualCluster, disk: Map<bigint, Uint8Array>): void {
  const connection = cluster.at(1);
  for (let position = 0; ; position += 1) {
    cluster.turn();
    const request = connection.requests.at(position);
    if (request === undefined) return;
    if (request.data !== null) disk.set(request.sector, Uint8Array.from(request.data));
    connection.answer(position, disk.get(request.sector) ?? sectorOf(0));
  }
}

test('any range that is written is what is read, and nothing else changes', (t) => {
  const range = fc.record({ offset: fc.nat(20_000), length: fc.nat(20_000) });
  fc.assert(
    fc.property(fc.array(range, { minLength: 1, maxLength: 4 }), (ranges) => {
      const cluster = new VirtualCluster({ processCount: 1, sectors: 10 });
      const disk = new Map<bigint, Uint8Array>();
      const expected = Buffer.alloc(40_960);
      const watched = ranges.map(({ offset, length }, index) => {
        const data = Buffer.alloc(length, index + 1);
        data.copy(expected, offset);
        // All at once: writes that overlap in a sector keep the order of the calls.
        return cluster.watch(cluster.client.writeRange(offset, data));
      });
      const whole = cluster.watch(cluster.client.readRange(0, 40_960));
      serve(cluster, disk);
      for (const { seen } of watched) t.deepEqual(seen, ['|']);
      t.true(expected.equals(whole.seen[0] as Uint8Array));
    }),
    { numRuns: 50 },
  );
});

test('a partial sector is read, changed and written, with nothing in between', (t) => {
  const cluster = new VirtualCluster({ processCount: 1 });
  const connection = cluster.at(1);
  const update = cluster.watch(cluster.client.writeRange(10, Buffer.from('hello')));
  const write = cluster.watch(cluster.client.write(0, sectorOf(9)));
  cluster.turn();
  t.deepEqual(
    connection.requests.map(({ kind }) => kind),
    ['read'],
  );
  connection.answer(0, sectorOf(1));
  cluster.turn();
  t.deepEqual(
    connection.requests.map(({ kind }) => kind),
    ['read', 'write'],
  );
  const expected = Buffer.alloc(4096, 1);
  expected.write('hello', 10);
  t.deepEqual(connection.requests[1].data, expected);
  t.deepEqual(update.seen, []);
  connection.answer(1);
  t.deepEqual(update.seen, ['|']);
  cluster.turn();
  connection.answer(2);
  t.deepEqual(write.seen, ['|']);
});

test('the two halves of an update count their attempts by themselves', (t) => {
  const cluster = new VirtualCluster({ processCount: 1 });
  cluster.watch(cluster.client.writeRange(10, Buffer.from('hello')));
  cluster.turn();
  cluster.at(1).endByProcess();
  cluster.advance(100);
  cluster.at(1).answer(0, sectorOf(1));
  cluster.turn();
  cluster.at(1).answer(1);
  t.deepEqual(
    cluster.attempts.map(({ kind, attempt, event }) => `${kind} ${attempt} ${event}`),
    ['read 1 sent', 'read 1 lost', 'read 2 sent', 'read 2 answered', 'write 1 sent', 'write 1 answered'],
  );
});

test('an update given up after its read writes nothing', (t) => {
  const cluster = new VirtualCluster({ processCount: 1 });
  const update = cluster.watch(cluster.client.writeRange(10, Buffer.from('hello')));
  cluster.turn();
  update.stop();
  cluster.at(1).answer(0, sectorOf(1));
  cluster.turn();
  t.is(cluster.at(1).requests.length, 1);
});

test('a whole sector is not read before it is written', (t) => {
  const cluster = new VirtualCluster({ processCount: 1 });
  cluster.watch(cluster.client.writeRange(4096, sectorOf(3)));
  cluster.turn();
  t.deepEqual(
    cluster.at(1).requests.map(({ kind, sector }) => [kind, sector]),
    [['write', 1n]],
  );
});

test('a range has a bounded number of sectors under way', (t) => {
  const cluster = new VirtualCluster({ processCount: 1, windowSectors: 3 });
  const read = cluster.watch(cluster.client.readRange(0, 10 * 4096));
  cluster.turn();
  t.is(cluster.at(1).requests.length, 3);
  cluster.at(1).answer(1);
  cluster.turn();
  t.is(cluster.at(1).requests.length, 4);
  read.stop();
  for (const position of [0, 2, 3]) cluster.at(1).answer(position);
  cluster.turn();
  t.is(cluster.at(1).requests.length, 4, 'a reader that has gone asks for no more');
});

test('an empty range asks nobody', (t) => {
  const cluster = new VirtualCluster({ processCount: 1 });
  t.deepEqual(cluster.watch(cluster.client.writeRange(5, new Uint8Array(0))).seen, ['|']);
  t.deepEqual(cluster.watch(cluster.client.readRange(5, 0)).seen, [new Uint8Array(0), '|']);
  cluster.turn();
  t.is(cluster.at(1).requests.length, 0);
});

test('a range fails with its first sector that fails', (t) => {
  const cluster = new VirtualCluster({ processCount: 1 });
  const write = cluster.watch(cluster.client.writeRange(0, Buffer.alloc(8192)));
  cluster.turn();
  cluster.at(1).answer(1, undefined, 'invalidSectorIndex');
  t.deepEqual(write.seen, ['ATDD_INVALID_SECTOR_INDEX']);
});
