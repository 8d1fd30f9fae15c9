/** Rebuilds and scrubs of a disk of ten terabytes with a few sectors: they cost what is stored and promised. */
import test from 'ava';
import type { ReplicaRequest } from '../../src/core/strict/replicaMessage.js';
import { strictClient } from './strictClient.js';
import { StrictCluster } from './strictCluster.js';
import { dataOf, strictStamp } from './strictFakes.js';

/** 2^40 bytes x 10. */
const SECTORS = (10 * 2 ** 40) / 4_096;
const WRITTEN = [0, 255, 256, 1_000_000, 1_000_001, SECTORS / 2, SECTORS - 1];
/** Those of WRITTEN are in so many extents. */
const EXTENTS = 5;

function written(): StrictCluster {
  const cluster = new StrictCluster({ sectors: SECTORS });
  const client = cluster.client(1);
  for (const [index, sector] of WRITTEN.entries()) client.write(index, sector, index + 1);
  cluster.pass(2_000);
  return cluster;
}

/** Of the messages since the last call, those of that kind. */
function countsOf(cluster: StrictCluster): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const kind of cluster.requests.splice(0)) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

function rebuilt(cluster: StrictCluster, rank: number): Record<string, number> {
  cluster.crash(rank);
  cluster.loseDisk(rank);
  cluster.requests.length = 0;
  cluster.start(rank);
  for (let ms = 0; ms < 20_000 && cluster.status(rank).standing !== 'member'; ms += 1) cluster.pass(1);
  return countsOf(cluster);
}

test('a rebuild asks for the extents in which something is stored', (t) => {
  const cluster = written();
  const counts = rebuilt(cluster, 3);
  t.is(cluster.status(3).standing, 'member');
  t.deepEqual(
    WRITTEN.map((sector) => cluster.values(sector)),
    WRITTEN.map((_, index) => Array<number>(3).fill(index + 1)),
  );
  t.is(counts.list, 2, 'one of each of two members');
  // Two of versions for each extent, and one of data for each sector: each has a stamp of its own.
  t.is(counts.query, 2 * EXTENTS + WRITTEN.length);
  t.deepEqual(cluster.failures, []);
});

test('a rebuild asks for what is only promised, which it takes over', (t) => {
  const cluster = written();
  const high = strictStamp(5_000);
  const order = (first: number, stamp = high): ReplicaRequest => ({
    ...{ kind: 'order', range: { first, count: 2 }, stamp, wants: 'nothing' },
  });
  const promises = [700_000, SECTORS - 5_000];
  strictClient(cluster, 1, SECTORS).ask(order(promises[0]));
  strictClient(cluster, 2, SECTORS).ask(order(promises[1]));
  const counts = rebuilt(cluster, 3);
  t.is(counts.list, 2);
  t.is(counts.query, 2 * EXTENTS + WRITTEN.length + 2 * promises.length);
  const client = strictClient(cluster, 3, SECTORS);
  for (const first of promises) {
    const refused = { kind: 'ordered', runs: [{ outcome: 'refused', count: 2, promised: high }] };
    t.deepEqual(client.ask(order(first, strictStamp(4_999)))[0].answer, refused);
  }
  t.deepEqual(cluster.failures, []);
});

test('a scrub asks for the extents that differ', (t) => {
  const cluster = written();
  cluster.requests.length = 0;
  cluster.host(2).running?.inquire('scrub');
  cluster.pass(30_000);
  t.like(cluster.status(2).scrub, { passes: 1, verified: WRITTEN.length, behind: 0, ahead: 0, comparedWith: [1, 3] });
  t.deepEqual(countsOf(cluster), { list: 2 });

  // One copy that is missing, one that only the others have, and one that nobody else has.
  const [stamp, far] = [strictStamp(1_000), SECTORS - 70_000];
  cluster.host(3).store.copies.delete(1_000_000);
  cluster.host(1).store.copies.set(far, { stamp, origin: stamp, data: dataOf(9) });
  cluster.host(2).store.copies.set(9_999, { stamp, origin: stamp, data: dataOf(8) });
  cluster.host(2).running?.inquire('scrub');
  cluster.pass(60_000);
  t.like(cluster.status(2).scrub, { passes: 2, verified: WRITTEN.length + 1, behind: 1, ahead: 3 });
  for (const sector of [1_000_000, far, 9_999]) t.is(new Set(cluster.stamps(sector)).size, 1, `sector ${sector}`);
  const { list, query } = countsOf(cluster);
  t.is(list, 2);
  // Each of three extents is compared twice with two members, and healed.
  t.true(query >= 12 && query <= 30, `${query} QUERYs`);
  t.deepEqual(cluster.failures, []);
});
