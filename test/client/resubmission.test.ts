/** What is sent again, where and when: docs/adr/0006-client-resubmission.md. */
import test from 'ava';
import { sectorOf, VirtualCluster } from './virtualCluster.js';

const HOUR_MS = 3_600_000;

test('a read moves to another process as soon as its connection is gone', (t) => {
  const cluster = new VirtualCluster();
  const read = cluster.watch(cluster.client.read(0));
  cluster.turn();
  const [first] = cluster.requestsOf(0);
  cluster.at(first.rank).endByProcess();
  cluster.turn();
  const [, second] = cluster.requestsOf(0).sort((a) => (a.rank === first.rank ? -1 : 1));
  t.not(second.rank, first.rank);
  cluster.at(second.rank).answer(second.position, sectorOf(1));
  t.deepEqual(read.seen, [sectorOf(1), '|']);
});

test('a write moves when its connection is known closed', (t) => {
  const cluster = new VirtualCluster();
  const write = cluster.watch(cluster.client.write(0, sectorOf(1)));
  cluster.turn();
  const [first] = cluster.requestsOf(0);
  cluster.at(first.rank).endByProcess();
  cluster.turn();
  const sent = cluster.requestsOf(0);
  t.is(sent.length, 2);
  t.not(sent[0].rank, sent[1].rank);
  t.deepEqual(sent[0].request.data, sent[1].request.data);
  t.not(sent[0].request.requestNumber, sent[1].request.requestNumber);
  const second = sent.find(({ rank }) => rank !== first.rank);
  cluster.at(second!.rank).answer(second!.position);
  t.deepEqual(write.seen, ['|']);
});

test('a write is NOT sent again while its process is silent, however long', (t) => {
  const cluster = new VirtualCluster();
  const write = cluster.watch(cluster.client.write(0, sectorOf(1)));
  cluster.turn();
  const [{ rank }] = cluster.requestsOf(0);
  cluster.advance(HOUR_MS);
  t.true(cluster.at(rank).clientEnded, 'the client has left the process …');
  t.false(cluster.at(rank).clientDestroyed);
  t.is(cluster.requestsOf(0).length, 1, '… but waits until it has let go of the write');
  cluster.at(rank).endByProcess();
  cluster.advance(1);
  t.is(cluster.requestsOf(0).length, 2);
  t.deepEqual(write.seen, []);
});

test('a write on a connection that is being left may still be answered', (t) => {
  const cluster = new VirtualCluster();
  const write = cluster.watch(cluster.client.write(0, sectorOf(1)));
  cluster.turn();
  const [{ rank }] = cluster.requestsOf(0);
  cluster.advance(HOUR_MS);
  cluster.at(rank).answer(0);
  t.deepEqual(write.seen, ['|']);
  cluster.at(rank).endByProcess();
  cluster.advance(HOUR_MS);
  t.is(cluster.requestsOf(0).length, 1);
});

test('reads leave a silent process at once when it is left; it gets nothing more', (t) => {
  const cluster = new VirtualCluster({ timeouts: { unansweredMs: 1_000 } });
  const reads = [0, 1, 2].map((sector) => cluster.watch(cluster.client.read(sector)));
  cluster.turn();
  const silent = 2;
  const [{ requests }] = [cluster.at(silent)];
  for (const rank of [1, 3]) cluster.at(rank).answer(0, sectorOf(1));
  cluster.advance(1_000);
  t.false(cluster.at(silent).clientEnded, 'not before its time');
  cluster.advance(250);
  t.true(cluster.at(silent).clientEnded);
  cluster.turn();
  const sector = Number(requests[0].sector);
  const again = cluster.requestsOf(sector).find(({ rank }) => rank !== silent);
  cluster.at(again!.rank).answer(again!.position, sectorOf(2));
  t.deepEqual(reads[sector].seen, [sectorOf(2), '|']);

  for (let other = 10; other < 40; other += 1) cluster.watch(cluster.client.read(other));
  cluster.turn();
  t.is(requests.length, 1, 'nothing new goes to a process that is being left');
  cluster.at(silent).answer(0, sectorOf(9));
  t.is(cluster.client.counters.unexpectedResponses, 0, 'its late answer is no surprise');
});

test('a process that answers each request in time is not silent, however slow', (t) => {
  const cluster = new VirtualCluster({ processCount: 1, timeouts: { unansweredMs: 1_000 } });
  for (let sector = 0; sector < 40; sector += 1) {
    cluster.watch(cluster.client.read(sector));
    cluster.advance(900);
    cluster.at(1).answer(sector);
  }
  t.false(cluster.at(1).clientEnded);
});

test('a process that never answers one request is left, though it answers others', (t) => {
  const cluster = new VirtualCluster({ processCount: 1, timeouts: { unansweredMs: 1_000 } });
  cluster.watch(cluster.client.write(100, sectorOf(1)));
  cluster.turn();
  for (let sector = 0; sector < 5; sector += 1) {
    cluster.watch(cluster.client.read(sector));
    cluster.advance(100);
    cluster.at(1).answer(sector + 1);
  }
  t.false(cluster.at(1).clientEnded);
  for (let sector = 5; sector < 20 && !cluster.at(1).clientEnded; sector += 1) {
    cluster.watch(cluster.client.read(sector));
    cluster.advance(100);
    if (!cluster.at(1).clientEnded) cluster.at(1).answer(sector + 1);
  }
  t.true(cluster.at(1).clientEnded);
});

test('an idle connection is not left; silence counts from the request on', (t) => {
  const cluster = new VirtualCluster({ processCount: 1, timeouts: { unansweredMs: 1_000 } });
  cluster.watch(cluster.client.read(0));
  cluster.turn();
  cluster.at(1).answer(0);
  cluster.advance(HOUR_MS);
  t.false(cluster.at(1).clientEnded);
  cluster.watch(cluster.client.read(1));
  cluster.advance(1_000);
  t.false(cluster.at(1).clientEnded);
  cluster.advance(250);
  t.true(cluster.at(1).clientEnded);
});

test('a process that is being left is not dialled again before it has let go', (t) => {
  const cluster = new VirtualCluster({ processCount: 1 });
  cluster.watch(cluster.client.write(0, sectorOf(1)));
  cluster.advance(HOUR_MS);
  t.is(cluster.connections.get(1)!.length, 1);
  cluster.at(1).endByProcess();
  cluster.advance(100);
  t.is(cluster.connections.get(1)!.length, 2);
});

test('a write whose connection ended without a word from the process is held', (t) => {
  const cluster = new VirtualCluster();
  const write = cluster.watch(cluster.client.write(0, sectorOf(1)));
  cluster.turn();
  const [{ rank }] = cluster.requestsOf(0);
  cluster.at(rank).vanish();
  cluster.advance(HOUR_MS);
  t.is(cluster.requestsOf(0).length, 1);
  t.is(cluster.client.counters.heldWrites, 1);
  t.deepEqual(write.seen, []);
  t.regex(cluster.warnings.join('\n'), /a write waits/);
});

test('a held write is sent again after the time that the caller has set for that', (t) => {
  const cluster = new VirtualCluster({ timeouts: { unconfirmedMs: 60_000 } });
  const write = cluster.watch(cluster.client.write(0, sectorOf(1)));
  cluster.turn();
  const [first] = cluster.requestsOf(0);
  cluster.at(first.rank).vanish();
  cluster.advance(59_999);
  t.is(cluster.requestsOf(0).length, 1);
  cluster.advance(1);
  const sent = cluster.requestsOf(0);
  t.is(sent.length, 2);
  const again = sent.find(({ request }) => request !== first.request);
  cluster.at(again!.rank).answer(again!.position);
  t.deepEqual(write.seen, ['|']);
});

test('a read whose connection ended without a word moves all the same', (t) => {
  const cluster = new VirtualCluster();
  cluster.watch(cluster.client.read(0));
  cluster.turn();
  cluster.at(cluster.requestsOf(0)[0].rank).vanish();
  cluster.turn();
  t.is(cluster.requestsOf(0).length, 2);
});

test('what is sent again goes before what is new', (t) => {
  const cluster = new VirtualCluster({ processCount: 2, outstandingPerConnection: 1 });
  const sectors = [0, 1, 2, 3];
  for (const sector of sectors) cluster.watch(cluster.client.read(sector));
  cluster.turn();
  const [{ rank }] = cluster.requestsOf(0);
  cluster.at(rank).endByProcess();
  const other = cluster.at(3 - rank);
  other.answer(0);
  cluster.turn();
  t.deepEqual(
    other.requests.map(({ sector }) => sector),
    [1n, 0n],
  );
});

test('operations of a sector keep their order across a lost connection', (t) => {
  const cluster = new VirtualCluster({ processCount: 1 });
  const first = cluster.watch(cluster.client.write(0, sectorOf(1)));
  const second = cluster.watch(cluster.client.write(0, sectorOf(2)));
  cluster.turn();
  cluster.at(1).endByProcess();
  cluster.advance(100);
  t.deepEqual(
    cluster.at(1).requests.map(({ data }) => data![0]),
    [1],
  );
  cluster.at(1).answer(0);
  cluster.turn();
  t.deepEqual(
    cluster.at(1).requests.map(({ data }) => data![0]),
    [1, 2],
  );
  cluster.at(1).answer(1);
  t.deepEqual([first.seen, second.seen], [['|'], ['|']]);
});

test('every attempt can be observed', (t) => {
  const cluster = new VirtualCluster();
  cluster.watch(cluster.client.write(4, sectorOf(1)));
  cluster.turn();
  const [{ rank }] = cluster.requestsOf(4);
  cluster.at(rank).endByProcess();
  cluster.turn();
  const again = cluster.requestsOf(4).find((sent) => sent.rank !== rank)!;
  cluster.at(again.rank).answer(again.position);
  const attempt = { kind: 'write', sector: 4 } as const;
  t.deepEqual(cluster.attempts, [
    { ...attempt, rank, attempt: 1, event: 'sent' },
    { ...attempt, rank, attempt: 1, event: 'lost' },
    { ...attempt, rank: again.rank, attempt: 2, event: 'sent' },
    { ...attempt, rank: again.rank, attempt: 2, event: 'answered' },
  ]);
  t.is(cluster.client.counters.writesSent, 2);
  t.is(cluster.client.counters.lostConnections, 1);
});

test('processes that cannot be reached are told of once and left alone meanwhile', (t) => {
  const cluster = new VirtualCluster();
  cluster.refusing.add(2);
  cluster.at(2).endByProcess();
  cluster.advance(60_000);
  t.is(cluster.warnings.filter((text) => text.includes('unreachable')).length, 1);
  const count = cluster.client.counters.failedDials;
  t.true(count > 120 && count < 250, `some dials a second, not ${count} in a minute`);
  const reads = [0, 1, 2, 3].map((sector) => cluster.watch(cluster.client.read(sector)));
  cluster.turn();
  for (const rank of [1, 3]) {
    cluster.at(rank).answer(0);
    cluster.at(rank).answer(1);
  }
  t.true(reads.every(({ seen }) => seen.length === 2));
  cluster.refusing.delete(2);
  cluster.advance(3_000);
  cluster.watch(cluster.client.read(9));
  cluster.turn();
  t.is(cluster.connections.get(2)!.length, 2);
});
