/** A coordinator against replicas in memory, in virtual time. */
import test from 'ava';
import type { Observable } from 'rxjs';
import { AtomicDiskError } from '../../src/errors.js';
import { MemoryCluster } from './memoryCluster.js';
import { namesIn, sectorNamed } from './values.js';
import { namesRead, watch } from './watch.js';

const one = (first: number) => ({ first, count: 1 });

test('what was written is read, by its coordinator and by another', (t) => {
  const cluster = new MemoryCluster();
  const [a, b] = [cluster.addClient(), cluster.addClient()];
  const write = watch(a.coordinator.writeRange(one(7), sectorNamed('x')));
  cluster.advance(100);
  t.is(write.end, null);
  t.deepEqual(write.values, []);
  t.deepEqual(namesRead(cluster, a, 7), ['x']);
  t.deepEqual(namesRead(cluster, b, 6, 3), [null, 'x', null]);
  cluster.advance(2_000);
  t.deepEqual(a.coordinator.stats, { waiting: 0, running: 0, concluding: 0, unanswered: [0, 0, 0] });
  t.deepEqual(
    cluster.hosts.map(({ replica }) => [replica.concludedCount, replica.lackingCount]),
    [
      [1, 0],
      [1, 0],
      [1, 0],
    ],
  );
});

test('a read asks two replicas for it, and one for the data; a write asks all', (t) => {
  const cluster = new MemoryCluster();
  const client = cluster.addClient();
  t.deepEqual(namesRead(cluster, client, 7), [null]);
  const queries = client.ports.flatMap(({ sent }) => sent.map(({ request }) => request));
  t.deepEqual(queries.map((request) => request.kind === 'query' && request.wantsData).toSorted(), [false, true]);
  watch(client.coordinator.writeRange(one(7), sectorNamed('x')));
  cluster.advance(100);
  const kinds = client.ports.map(({ sent }) => sent.map(({ request }) => request.kind).slice(-3));
  t.deepEqual(kinds, [
    ['order', 'store', 'concluded'],
    ['order', 'store', 'concluded'],
    ['order', 'store', 'concluded'],
  ]);
});

test('a coordinator that has heard of higher stamps orders above them, without a pause', (t) => {
  const cluster = new MemoryCluster();
  const [a, b] = [cluster.addClient(), cluster.addClient()];
  for (let index = 0; index < 50; index += 1) {
    watch(a.coordinator.writeRange(one(1), sectorNamed(`a${index}`)));
    cluster.advance(20);
  }
  const write = watch(b.coordinator.writeRange(one(1), sectorNamed('b')));
  cluster.advance(100);
  t.is(write.end, null);
  const orders = b.ports[0].sent.filter(({ request }) => request.kind === 'order');
  t.is(orders.length, 2, 'the first one is refused');
  t.deepEqual(namesRead(cluster, a, 1), ['b']);
});

test('own operations on the same sectors run in order, those on others side by side', (t) => {
  const cluster = new MemoryCluster();
  const client = cluster.addClient();
  const ended: string[] = [];
  const note = (name: string, source$: Observable<unknown>): void => {
    source$.subscribe({ complete: () => ended.push(name) });
  };
  const { coordinator } = client;
  const read = watch(coordinator.readRange({ first: 0, count: 4 }));
  note('ab', coordinator.writeRange({ first: 0, count: 2 }, Buffer.concat([sectorNamed('a'), sectorNamed('b')])));
  note('c', coordinator.writeRange(one(1), sectorNamed('c')));
  const between = watch(coordinator.readRange({ first: 0, count: 2 }));
  note('d', coordinator.writeRange(one(0), sectorNamed('d')));
  note('e', coordinator.writeRange(one(9), sectorNamed('e')));
  t.is(coordinator.stats.running, 2, 'the first read, and the write of another sector');
  cluster.advance(1_000);
  t.deepEqual(
    ended.filter((name) => name !== 'e'),
    ['ab', 'c', 'd'],
  );
  t.deepEqual(namesIn(read.values[0], 4), [null, null, null, null]);
  t.deepEqual(namesIn(between.values[0], 2), ['a', 'c']);
  t.deepEqual(namesRead(cluster, client, 0, 2), ['d', 'c']);
});

test('no more is under way than the window has room for, and all of it is done', (t) => {
  const cluster = new MemoryCluster();
  const { coordinator } = cluster.addClient({ operations: 4, bytes: 10 * 4_096 });
  const mostOf = (counts: readonly number[]): number => {
    const writes = counts.map((count, index) => watch(coordinator.writeRange({ first: index * 16, count }, 'zeros')));
    let most = 0;
    cluster.advance(5_000, () => {
      most = Math.max(most, coordinator.stats.running);
      return coordinator.stats.running === 0;
    });
    t.true(writes.every(({ end }) => end === null));
    return most;
  };
  const times = (count: number, sectors: number): number[] => Array.from({ length: count }, () => sectors);
  t.is(mostOf(times(40, 1)), 4, 'operations');
  t.is(mostOf(times(20, 4)), 2, 'bytes');
  t.is(mostOf(times(5, 12)), 1, 'one that is larger than the window goes alone');
});

test('an operation that no disk has fails, and nothing else does', (t) => {
  const cluster = new MemoryCluster();
  const { coordinator } = cluster.addClient({}, { sectors: 1_000 });
  const codeOf = (source$: Observable<unknown>): unknown => {
    const { end } = watch(source$);
    return end instanceof AtomicDiskError ? end.code : end;
  };
  t.is(codeOf(coordinator.readRange(one(1_000))), 'ATDD_INVALID_SECTOR_INDEX');
  t.is(codeOf(coordinator.readRange(one(0.5))), 'ATDD_INVALID_SECTOR_INDEX');
  t.is(codeOf(coordinator.readRange({ first: 255, count: 2 })), 'ATDD_RANGE');
  t.is(codeOf(coordinator.readRange({ first: 0, count: 0 })), 'ATDD_RANGE');
  t.is(codeOf(coordinator.writeRange({ first: 0, count: 2 }, sectorNamed('x'))), 'ATDD_RANGE');
  const fine = watch(coordinator.readRange(one(999)));
  cluster.advance(100);
  t.is(fine.end, null);
});

test('an update whose function fails fails, with its error, and the sector is free again', (t) => {
  const cluster = new MemoryCluster();
  const client = cluster.addClient();
  const { coordinator } = client;
  const failure = new Error('of the function');
  const thrown = watch(
    coordinator.update(3, () => {
      throw failure;
    }),
  );
  const short = watch(coordinator.update(3, () => new Uint8Array(5)));
  const good = watch(
    coordinator.update(3, (current) => (namesIn(current, 1)[0] === null ? sectorNamed('u') : current)),
  );
  cluster.advance(1_000);
  t.is(thrown.end, failure);
  t.is((short.end as AtomicDiskError).code, 'ATDD_RANGE');
  t.is(good.end, null);
  t.deepEqual(namesRead(cluster, client, 3), ['u']);
});
