/** Disks over coordinators in virtual time, beside a plain array of bytes. */
import test from 'ava';
import type { Observable } from 'rxjs';
import { of } from 'rxjs';
import { readBytes, writeBytes } from '../../src/coordinator/diskBytes.js';
import { RangeDisk } from '../../src/coordinator/rangeDisk.js';
import { EXTENT_SECTORS } from '../../src/core/strict/range.js';
import { MemoryCluster } from './memoryCluster.js';
import { sectorNamed } from './values.js';
import { watch } from './watch.js';

const SECTOR = 4_096;
/** The end of the first extent, the second one, and the beginning of the third. */
const BASE = BigInt(EXTENT_SECTORS - 2) * BigInt(SECTOR);
const LENGTH = (EXTENT_SECTORS + 4) * SECTOR;

function world(seed: number) {
  const cluster = new MemoryCluster({ seed });
  const clients = [cluster.addClient(), cluster.addClient()];
  const disks = clients.map(({ coordinator }) => new RangeDisk(coordinator));
  const run = <T>(source$: Observable<T>): T[] => {
    const { values, end } = watchToEnd(source$);
    if (end !== null) throw end instanceof Error ? end : new Error('it has not completed');
    return values;
  };
  const watchToEnd = <T>(source$: Observable<T>) => {
    const seen = watch(source$);
    cluster.advance(5_000, () => seen.end !== undefined);
    return seen;
  };
  return { cluster, clients, disks, run };
}

test('byte ranges of any length, across extents, are written and read', (t) => {
  const { cluster, disks, run } = world(1);
  const { dice } = cluster;
  const model = Buffer.alloc(LENGTH);
  for (let step = 0; step < 12; step += 1) {
    const from = dice.below(LENGTH);
    const to = dice.chance(30) ? LENGTH : Math.min(LENGTH, from + dice.below(6 * SECTOR));
    const data = dice.bytes(to - from);
    data.copy(model, from);
    run(writeBytes(dice.pick(disks), 16, BASE + BigInt(from), data));
    const [read] = run(readBytes(dice.pick(disks), 16, BASE, LENGTH));
    t.is(Buffer.compare(read, model), 0, `step ${step}`);
  }
  run(disks[0].writeSectors(EXTENT_SECTORS - 2, EXTENT_SECTORS + 4, 'zeros'));
  const [read] = run(disks[1].readSectors(EXTENT_SECTORS - 2, EXTENT_SECTORS + 4));
  t.true(read.every((byte) => byte === 0));
});

test('a range of an extent is one message to each replica and not one for each sector', (t) => {
  const { clients, disks, run } = world(2);
  run(disks[0].writeSectors(0, EXTENT_SECTORS, new Uint8Array(EXTENT_SECTORS * SECTOR).fill(1)));
  const kinds = clients[0].ports.map(({ sent }) =>
    sent.map(({ request }) => request.kind).filter((kind) => kind !== 'concluded'),
  );
  t.deepEqual(kinds, [
    ['order', 'store'],
    ['order', 'store'],
    ['order', 'store'],
  ]);
});

test('what a sector is read as is of the caller, and so is what is written once the write is over', (t) => {
  const { disks, run } = world(3);
  const [disk, other] = disks;
  // Replicas in memory keep what they are given, and give what they keep.
  const data = Uint8Array.from(sectorNamed('a'));
  run(disk.write(1, data));
  data.fill(7);
  const [read] = run(other.read(1));
  t.deepEqual(Buffer.from(read), Buffer.from(sectorNamed('a')));
  read.fill(9);
  const [again] = run(other.read(1));
  t.deepEqual(Buffer.from(again), Buffer.from(sectorNamed('a')));
});

test('an update changes what is there, and tells what it has stored', (t) => {
  const { disks, run } = world(4);
  const changed = Buffer.from(sectorNamed('a').map((byte) => byte ^ 0xff));
  run(disks[0].write(1, sectorNamed('a')));
  const [stored] = run(disks[1].update(1, (current) => current.map((byte) => byte ^ 0xff)));
  t.deepEqual(Buffer.from(stored), changed);
  const [read] = run(disks[0].read(1));
  t.deepEqual(Buffer.from(read), changed);
  const [zeros] = run(disks[0].update(1, (current) => current.map(() => 0)));
  t.deepEqual(zeros, new Uint8Array(SECTOR));
});

test('a map is long where nothing was written, and ends after data', (t) => {
  const { disks, clients, run } = world(5);
  const [disk] = disks;
  const [{ ports }] = clients;
  t.deepEqual(run(disk.map(3, 20 * EXTENT_SECTORS)), [[{ sectors: 20 * EXTENT_SECTORS, kind: 'zeros' }]]);
  run(disk.writeSectors(5, 2, new Uint8Array(2 * SECTOR).fill(1)));
  run(disk.writeSectors(9, 1, new Uint8Array(SECTOR)));
  const queries = (): number => ports[0].sent.filter(({ request }) => request.kind === 'query').length;
  const before = queries();
  const [runs] = run(disk.map(3, 20 * EXTENT_SECTORS));
  t.deepEqual(runs, [
    { sectors: 2, kind: 'zeros' },
    { sectors: 2, kind: 'data' },
    { sectors: 8 * EXTENT_SECTORS - 7, kind: 'zeros' },
  ]);
  t.is(queries() - before, 8);
  t.deepEqual(run(disk.map(6, 3)), [
    [
      { sectors: 1, kind: 'data' },
      { sectors: 2, kind: 'zeros' },
    ],
  ]);
  t.deepEqual(run(disk.map(0, 1e9))[0].length, 3);
});

test('what a majority tells is asked for once and not read; what it does not tell alike is data', (t) => {
  const { clients, run } = world(6);
  const [{ coordinator, ports }] = clients;
  const asked: [from: number, end: number][] = [];
  const terabytes = 2 ** 30;
  const disk = new RangeDisk(coordinator, (from, end) => {
    asked.push([from, end]);
    return of([
      { sectors: 5, kind: 'data' },
      { sectors: 2, kind: 'unknown' },
      { sectors: terabytes, kind: 'zeros' },
    ]);
  });
  t.deepEqual(run(disk.map(3, 2 * terabytes)), [
    [
      { sectors: 7, kind: 'data' },
      { sectors: terabytes, kind: 'zeros' },
    ],
  ]);
  t.deepEqual(asked, [[3, 2 * terabytes + 3]]);
  t.deepEqual(
    ports.map(({ sent }) => sent.length),
    [0, 0, 0],
  );
});
