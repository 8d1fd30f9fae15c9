/** Reads that are asked of a second process because the first takes too long. */
import test from 'ava';
import { HEDGE_DELAY_MS_MAX, HEDGE_DELAY_MS_MIN, HedgeDelay } from '../../src/client/hedging.js';
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
  t.deepEqual(update.seen, ['|']);
});

test('with one process, or none with room, nothing is asked twice', (t) => {
  const cluster = new VirtualCluster({ ...hedging, processCount: 1 });
  cluster.watch(cluster.client.read(0));
  cluster.advance(5_000);
  t.is(cluster.requestsOf(0).length, 1);
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
