/** Reads that are asked of a second process because the first takes too long. */
import test from 'ava';
import { TRIAL } from '../../src/client/clientDefaults.js';
import { HEDGE_DELAY_MS_MAX, HEDGE_DELAY_MS_MIN, HedgeDelay } from '../../src/client/open/hedging.js';
import type { VirtualClusterOptions } from './virtualCluster.js';
import { sectorOf, VirtualCluster } from './virtualCluster.js';

const hedging = { hedgesReads: true };

test('a read that is not answered is asked of another process; the first answer counts', (t) => {
  const cluster = new VirtualCluster(hedging);
  const read = cluster.watch(cluster.client.read(0));
  cluster.advance(150);
  t.is(cluster.requestsOf(0).length, 1);
  cluster.advance(100);
  const requests = cluster.requestsOf(0);
  t.is(requests.length, 2);
  t.not(requests[0].rank, requests[1].rank);
  cluster.at(requests[1].rank).answer(requests[1].position, sectorOf(7));
  t.deepEqual(read.seen, [sectorOf(7), '|']);
  // The other answer is late, and of no interest; it is not one that nobody asked for either.
  cluster.at(requests[0].rank).answer(requests[0].position, sectorOf(6));
  t.deepEqual(read.seen, [sectorOf(7), '|']);
  const { hedgedReads, unexpectedResponses } = cluster.client.counters;
  t.deepEqual({ hedgedReads, unexpectedResponses }, { hedgedReads: 1, unexpectedResponses: 0 });
});

test('it is asked of one other process only, and the first may still answer', (t) => {
  const cluster = new VirtualCluster(hedging);
  const read = cluster.watch(cluster.client.read(0));
  cluster.advance(3_000);
  const requests = cluster.requestsOf(0);
  t.is(requests.length, 2);
  const [one, two] = requests;
  const first = one.request.requestNumber < two.request.requestNumber ? one : two;
  cluster.at(first.rank).answer(first.position, sectorOf(6));
  t.deepEqual(read.seen, [sectorOf(6), '|']);
});

test('one of the two may be lost: the other is waited for; both: it is sent again', (t) => {
  const cluster = new VirtualCluster(hedging);
  const read = cluster.watch(cluster.client.read(0));
  cluster.advance(300);
  const [one, two] = cluster.requestsOf(0);
  cluster.at(one.rank).endByProcess();
  cluster.turn();
  t.is(cluster.requestsOf(0).length, 2);
  cluster.at(two.rank).endByProcess();
  cluster.turn();
  t.is(cluster.requestsOf(0).length, 3);
  t.deepEqual(read.seen, []);
});

test('the READ of an update is hedged, its WRITE and other writes never', (t) => {
  const cluster = new VirtualCluster(hedging);
  const update = cluster.watch(cluster.client.update(0, () => sectorOf(2)));
  cluster.advance(300);
  const [one, two] = cluster.requestsOf(0);
  cluster.at(two.rank).answer(two.position, sectorOf(1));
  cluster.turn();
  // The late answer to the READ is not taken for that to the WRITE.
  cluster.at(one.rank).answer(one.position, sectorOf(1));
  cluster.advance(3_000);
  const writes = cluster.requestsOf(0).filter(({ request }) => request.kind === 'write');
  t.is(writes.length, 1);
  t.deepEqual(update.seen, []);
  cluster.at(writes[0].rank).answer(writes[0].position);
  t.deepEqual(update.seen, [sectorOf(2), '|']);
});

test('with one process, or none with room, nothing is asked twice', (t) => {
  const cluster = new VirtualCluster({ ...hedging, processCount: 1 });
  cluster.watch(cluster.client.read(0));
  cluster.advance(5_000);
  t.is(cluster.requestsOf(0).length, 1);
});

/** All processes have answered over all connections; then a read is hedged. */
function withHedgedRead(options: VirtualClusterOptions = {}) {
  const cluster = new VirtualCluster({ ...hedging, ...options });
  const connections = [...cluster.connections.values()].flat();
  connections.forEach((_, sector) => cluster.watch(cluster.client.read(sector)));
  cluster.turn();
  for (const connection of connections) connection.answer(0);
  const slow = hedgeRead(cluster, 50);
  return { cluster, slow };
}

/** A read of that sector that another process is asked for too, and answers. @returns the one that has not answered. */
function hedgeRead(cluster: VirtualCluster, sector: number) {
  cluster.watch(cluster.client.read(sector));
  cluster.advance(300);
  const requests = cluster.requestsOf(sector);
  requests.sort((a, b) => Number(a.request.requestNumber - b.request.requestNumber));
  const [slow, other] = requests;
  other.connection.answer(other.position, sectorOf(7));
  return slow;
}

/** Writes that many sectors. @returns how many of them went to that process. */
function writesTo(cluster: VirtualCluster, rank: number, from: number, count: number): number {
  const sectors = Array.from({ length: count }, (_, index) => from + index);
  for (const sector of sectors) cluster.watch(cluster.client.write(sector, sectorOf(1)));
  cluster.turn();
  const requests = sectors.flatMap((sector) => cluster.requestsOf(sector));
  return requests.filter((request) => request.rank === rank).length;
}

test('from the first hedge on a process gets no new writes, until it answers', (t) => {
  const { cluster, slow } = withHedgedRead();
  t.is(writesTo(cluster, slow.rank, 100, 30), 0);
  cluster.advance(5_000);
  t.is(writesTo(cluster, slow.rank, 200, 30), 0);
  slow.connection.answer(slow.position, sectorOf(7));
  t.is(writesTo(cluster, slow.rank, 300, 30), 30, 'it has the fewest outstanding');
});

test('nor does it over another connection; an answer by any of them will do', (t) => {
  const { cluster, slow } = withHedgedRead({ slots: [1, 2, 3, 1, 2, 3] });
  t.is(writesTo(cluster, slow.rank, 100, 30), 0);
  const second = cluster.connections.get(slow.rank)?.find((connection) => connection !== slow.connection);
  while (second?.requests.length === 1) {
    cluster.watch(cluster.client.read(200 + cluster.attempts.length));
    cluster.turn();
  }
  second?.answer(1);
  t.true(writesTo(cluster, slow.rank, 1_000, 30) > 0);
});

test('reads are given to it as before', (t) => {
  const { cluster, slow } = withHedgedRead();
  writesTo(cluster, slow.rank, 100, 30);
  const before = slow.connection.requests.length;
  for (let sector = 200; sector < 205; sector += 1) cluster.watch(cluster.client.read(sector));
  cluster.turn();
  t.is(slow.connection.requests.length, before + 5);
});

test('if reads of all processes are being hedged, writes still go to them', (t) => {
  const cluster = new VirtualCluster(hedging);
  for (let sector = 0; sector < 3; sector += 1) cluster.watch(cluster.client.read(sector));
  cluster.turn();
  t.deepEqual([0, 1, 2].map((sector) => cluster.requestsOf(sector)[0].rank).sort(), [1, 2, 3]);
  cluster.advance(300);
  t.is(cluster.client.counters.hedgedReads, 3);
  for (let sector = 100; sector < 103; sector += 1) cluster.watch(cluster.client.write(sector, sectorOf(1)));
  cluster.turn();
  const sent = [100, 101, 102].flatMap((sector) => cluster.requestsOf(sector));
  t.is(sent.length, 3);
});

test('a process that is not a member gets no writes while there is one whose reads are hedged', (t) => {
  const { cluster, slow } = withHedgedRead({ processCount: 2 });
  const other = 3 - slow.rank;
  cluster.at(other).report(0, JSON.stringify({ start: 'ab', rank: other, standing: 'joining' }));
  t.is(writesTo(cluster, slow.rank, 100, 5), 5);
});

test('what was known of it is over with its connection', (t) => {
  const { cluster, slow } = withHedgedRead();
  slow.connection.endByProcess();
  cluster.advance(100);
  for (let answers = 0; answers < TRIAL.answers; answers += 1) {
    const { requests } = cluster.at(slow.rank);
    cluster.at(slow.rank).answer(requests.length - 1, undefined, 'invalidSectorIndex');
    cluster.advance(TRIAL.pauseMs);
  }
  t.true(writesTo(cluster, slow.rank, 100, 30) > 0);
});

test('the delay follows the latencies, within its bounds', (t) => {
  const delay = new HedgeDelay();
  for (let count = 0; count < 512; count += 1) delay.add(count % 50 === 0 ? 25 : 2);
  t.is(delay.delayMs, 100);
  for (let count = 0; count < 512; count += 1) delay.add(0.5);
  t.is(delay.delayMs, HEDGE_DELAY_MS_MIN);
  for (let count = 0; count < 512; count += 1) delay.add(5_000);
  t.is(delay.delayMs, HEDGE_DELAY_MS_MAX);
});
