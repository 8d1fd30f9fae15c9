/** Three processes of the strict mode: their replicas, and the coordinators of their clients. */
import test from 'ava';
import { StrictCluster } from './strictCluster.js';

test('a client of each process reads what the clients of the others have written', (t) => {
  const cluster = new StrictCluster();
  const clients = [1, 2, 3].map((rank) => cluster.client(rank));
  clients.forEach((client, index) => {
    client.write(1, 10 + index, 100 + index);
  });
  cluster.pass(100);
  for (const client of clients) {
    t.deepEqual(client.answers.splice(0), [{ number: 1, request: 'write', value: null }]);
    for (const sector of [10, 11, 12, 13]) client.read(sector, sector);
  }
  cluster.pass(100);
  for (const client of clients) {
    t.deepEqual(
      client.answers.map(({ value }) => value),
      [100, 101, 102, 0],
    );
  }
  for (const sector of [10, 11, 12]) t.is(new Set(cluster.values(sector)).size, 1, 'all three have it');
  t.deepEqual(cluster.failures, []);
});

/** Writes to these sectors one after the other, through a client of that process. */
function writeAll(cluster: StrictCluster, rank: number, sectors: readonly number[], valueOf: (at: number) => number) {
  const client = cluster.client(rank);
  for (const sector of sectors) {
    client.write(sector, sector, valueOf(sector));
    cluster.pass(20);
  }
  return client;
}

/** The sectors in which the copies differ. */
function differing(cluster: StrictCluster, sectors: readonly number[]): number[] {
  return sectors.filter((sector) => new Set(cluster.stamps(sector)).size > 1);
}

const SECTORS = [0, 1, 2, 300, 301, 1_023, 1_024, 2_000, 2_999];

test('a process that was away finds all that it has missed, and only that is touched', (t) => {
  const cluster = new StrictCluster();
  writeAll(cluster, 1, SECTORS, () => 7);
  cluster.pass(5_000);
  cluster.crash(3);
  const missed = SECTORS.slice(3, 7);
  const client = writeAll(cluster, 1, missed, (sector) => sector);
  t.is(client.answers.length, missed.length, 'two of three are enough');
  cluster.pass(10_000);
  t.deepEqual(differing(cluster, SECTORS), missed);
  t.like(cluster.status(1), { members: 'strict', missed: { 3: missed.length }, strict: { promises: 0, floors: 0 } });
  const before = SECTORS.map((sector) => cluster.host(1).store.versionOf(sector).stamp);
  cluster.start(3);
  cluster.pass(30_000);
  t.deepEqual(differing(cluster, SECTORS), []);
  t.like(cluster.status(1), { missed: {}, strict: { toCheck: 0 } });
  for (const sector of missed) t.deepEqual(cluster.values(sector), [sector, sector, sector]);
  const after = SECTORS.map((sector) => cluster.host(1).store.versionOf(sector).stamp);
  t.deepEqual(after, before, 'what is settled is handed over as it is');
  const put = cluster
    .host(3)
    .store.calls.flat()
    .map(({ range }) => range.count);
  t.is(
    put.reduce((sum, count) => sum + count, 0),
    missed.length,
  );
  t.deepEqual(cluster.failures, []);
});

test('after a crash in the midst of writes all is settled, no promise is left, and no region stays active', (t) => {
  const cluster = new StrictCluster();
  const sectors = [5, 6, 1_500];
  const client = cluster.client(2);
  for (const sector of sectors) client.write(sector, sector, 1);
  // Ordered, and on the way to the disks.
  cluster.pass(7);
  for (const rank of [1, 2, 3]) cluster.crash(rank);
  cluster.pass(1_000);
  for (const rank of [1, 2, 3]) cluster.start(rank);
  cluster.pass(60_000);
  t.deepEqual(differing(cluster, sectors), []);
  for (const { notes } of cluster.hosts) {
    t.deepEqual(
      [...notes.durable.keys()].filter((name) => name.startsWith('strict-active')),
      [],
      'what is not open is cleared',
    );
  }
  const reader = cluster.client(1);
  for (const sector of sectors) reader.read(sector, sector);
  cluster.pass(100);
  t.deepEqual(
    reader.answers.map(({ value }) => value),
    sectors.map((sector) => cluster.values(sector)[0]),
  );
  t.deepEqual(cluster.failures, []);
});

test('what the coordinator in a dead process has left half done is settled by the others', (t) => {
  const cluster = new StrictCluster();
  const client = cluster.client(3);
  client.write(1, 40, 9);
  // A promise, or a version, on some of them.
  while (cluster.hosts.every(({ store }) => store.copies.size === 0)) cluster.pass(1);
  cluster.crash(3);
  cluster.pass(30_000);
  const [one, two] = cluster.stamps(40);
  t.is(one, two);
  cluster.start(3);
  cluster.pass(30_000);
  t.deepEqual(differing(cluster, [40]), []);
  t.deepEqual(cluster.failures, []);
});

test('a damaged copy is mended from the others when it is found', (t) => {
  const cluster = new StrictCluster();
  writeAll(cluster, 1, [8, 9], () => 3);
  cluster.pass(10_000);
  const { store } = cluster.host(1);
  store.damaged.add(8);
  const client = cluster.client(1);
  // The nearest replica is asked for the data.
  for (let number = 0; number < 4; number += 1) {
    client.read(number, 8);
    cluster.pass(50);
  }
  t.deepEqual(new Set(client.answers.map(({ value }) => value)), new Set([3]));
  cluster.pass(5_000);
  t.false(store.damaged.has(8));
  t.deepEqual(cluster.values(8), [3, 3, 3]);
  t.deepEqual(cluster.failures, []);
});
