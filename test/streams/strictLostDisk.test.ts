/** A process of the strict mode whose disk was lost: E1 to E3. */
import test from 'ava';
import { strictClient } from './strictClient.js';
import { StrictCluster } from './strictCluster.js';
import { strictStamp } from './strictFakes.js';

const SECTORS = 20_000;

function lose(cluster: StrictCluster, rank: number): void {
  cluster.crash(rank);
  cluster.loseDisk(rank);
  cluster.start(rank);
}

/** Not longer, because heals and scrubs would bring what it has not taken over. */
function untilMember(cluster: StrictCluster, rank: number): void {
  for (let ms = 0; ms < 20_000 && cluster.status(rank).standing !== 'member'; ms += 1) cluster.pass(1);
}

const WRITTEN = [0, 1, 255, 256, 300, 16_383, 16_384, 19_999];

function written(): StrictCluster {
  const cluster = new StrictCluster({ sectors: SECTORS });
  const client = cluster.client(1);
  for (const sector of WRITTEN) client.write(sector, sector, sector % 97);
  cluster.pass(1_000);
  return cluster;
}

test('it takes over all versions as they are, and is a member of the next incarnation then', (t) => {
  const cluster = written();
  lose(cluster, 3);
  untilMember(cluster, 3);
  t.like(cluster.status(3), { standing: 'member', incarnation: 1 });
  for (const sector of WRITTEN) {
    t.deepEqual(cluster.values(sector), Array(3).fill(sector % 97));
    t.is(new Set(cluster.stamps(sector)).size, 1);
  }
  // The next loss finds a higher number, and majorities without the process that was never lost.
  lose(cluster, 2);
  untilMember(cluster, 2);
  t.like(cluster.status(2), { standing: 'member', incarnation: 1 });
  cluster.crash(1);
  const client = cluster.client(2);
  for (const sector of WRITTEN) client.read(sector, sector);
  cluster.pass(5_000);
  t.deepEqual(
    client.answers.map(({ number, value }) => [number, value]).sort((a, b) => Number(a[0]) - Number(b[0])),
    WRITTEN.map((sector) => [sector, sector % 97]),
  );
  t.deepEqual(cluster.failures, []);
});

test('it takes over the highest promise, and its region is active before it is a member', (t) => {
  const cluster = written();
  const range = { first: 700, count: 3 };
  const high = strictStamp(5_000);
  const order = { kind: 'order', range, stamp: high, wants: 'nothing' } as const;
  const one = strictClient(cluster, 1, SECTORS);
  t.like(one.ask(order)[0].answer, { kind: 'ordered', runs: [{ outcome: 'granted' }] });
  lose(cluster, 3);
  const { durable } = cluster.host(3).notes;
  let isActive = false;
  for (let ms = 0; ms < 20_000 && cluster.status(3).standing !== 'member'; ms += 1) {
    cluster.pass(1);
    isActive = durable.has('strict-active-0');
  }
  t.true(isActive);
  const lower = { ...order, stamp: strictStamp(4_999) };
  const three = strictClient(cluster, 3, SECTORS);
  t.like(three.ask(lower)[0].answer, { kind: 'ordered', runs: [{ outcome: 'refused', count: 3, promised: high }] });
  const limit = Buffer.from(durable.get('strict-limit') ?? '').toString();
  t.true(BigInt(limit) > high.counter);
  t.deepEqual(cluster.failures, []);
});

test('it is silent until so many members have told it everything', (t) => {
  const cluster = written();
  cluster.crash(1);
  lose(cluster, 3);
  cluster.pass(20_000);
  t.like(cluster.status(3), { standing: 'joining', rebuild: { isEnough: false } });
  const range = { first: 0, count: 1 };
  const client = strictClient(cluster, 3, SECTORS);
  t.deepEqual(client.ask({ kind: 'query', range, wantsData: true }), []);
  const stamp = strictStamp(9_000);
  t.deepEqual(client.ask({ kind: 'store', range, stamp, origin: stamp, data: 'zeros' }), []);
  t.is(cluster.host(3).store.copies.size, 0);
  cluster.start(1);
  cluster.pass(20_000);
  t.is(cluster.status(3).standing, 'member');
  t.deepEqual(cluster.failures, []);
});

test('a member tells it nothing before its incarnation is durable there', (t) => {
  const cluster = written();
  cluster.host(1).noteMs = 3_000;
  lose(cluster, 3);
  cluster.pass(2_900);
  t.like(cluster.status(3), { standing: 'joining', incarnation: 1, rebuild: { isEnough: true } });
  t.is(cluster.host(3).store.copies.size, 0);
  cluster.pass(20_000);
  t.is(cluster.status(3).standing, 'member');
  t.deepEqual(cluster.failures, []);
});

test('it goes on behind what it has noted when it is killed', (t) => {
  const cluster = written();
  // More extents than one list has.
  const client = cluster.client(1);
  for (let extent = 2; extent < 70; extent += 1) client.write(1_000 + extent, extent * 256 + 7, 5);
  cluster.pass(2_000);
  lose(cluster, 3);
  const { durable } = cluster.host(3).notes;
  for (let ms = 0; ms < 20_000 && !durable.has('rebuild'); ms += 1) cluster.pass(1);
  t.like(JSON.parse(Buffer.from(durable.get('rebuild') ?? '{}').toString()), { from: 64 * 256 });
  cluster.crash(3);
  // It would be taken over again.
  const copies = new Map(cluster.host(3).copies);
  copies.delete(300);
  cluster.host(3).copies = copies;
  cluster.start(3);
  untilMember(cluster, 3);
  t.is(cluster.status(3).standing, 'member');
  const first = cluster
    .host(3)
    .store.calls.flat()
    .map(({ range }) => range.first);
  t.deepEqual(
    first.filter((sector) => sector < 64 * 256),
    [],
    'nothing below the position is taken again',
  );
  t.is(new Set(cluster.stamps(65 * 256 + 7)).size, 1);
  t.false(cluster.host(3).notes.durable.has('rebuild'));
  t.deepEqual(cluster.failures, []);
});
