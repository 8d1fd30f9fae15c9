/** When a held write can no longer take effect: docs/adr/0006-client-resubmission.md. */
import test from 'ava';
import { sectorOf, VirtualCluster, type VirtualClusterOptions } from './virtualCluster.js';

const HOUR_MS = 3_600_000;
/** Longer than it takes to dial again, and to ask a process again that is no member yet. */
const SOON_MS = 6_000;

interface Told {
  readonly start?: string;
  readonly rank?: number;
  readonly standing?: string;
}

/** The process answers each question about itself that it has got over its newest connection. */
function tell(cluster: VirtualCluster, rank: number, told: Told): void {
  const connection = cluster.at(rank);
  const text = JSON.stringify({ rank, standing: 'member', ...told });
  for (const position of connection.inquiries.keys()) connection.report(position, text);
}

/** The values that were sent to be written into sector 0, in order. */
function writesOf(cluster: VirtualCluster): number[] {
  return cluster
    .requestsOf(0)
    .filter(({ request }) => request.kind === 'write')
    .sort((a, b) => Number(a.request.requestNumber - b.request.requestNumber))
    .map(({ request }) => request.data![0]);
}

/** One process, in its first life, with a write of 1 into sector 0 that is held. */
function withHeld(options: VirtualClusterOptions = {}, told: Told = { start: 'a' }) {
  const cluster = new VirtualCluster({ processCount: 1, ...options });
  cluster.turn();
  tell(cluster, 1, told);
  const write = cluster.watch(cluster.client.write(0, sectorOf(1)));
  cluster.turn();
  cluster.at(1).vanish();
  cluster.advance(SOON_MS);
  return { cluster, write };
}

test('a held write is sent again when its process answers in another life', (t) => {
  const { cluster, write } = withHeld();
  t.is(cluster.connections.get(1)!.length, 2, 'it is connected to again');
  t.deepEqual(writesOf(cluster), [1]);
  tell(cluster, 1, { start: 'b' });
  cluster.turn();
  t.deepEqual(writesOf(cluster), [1, 1]);
  cluster.at(1).answer(0);
  t.deepEqual(write.seen, ['|']);
});

test('it stays held while the same life answers, or one that tells nothing of itself', (t) => {
  for (const told of [{ start: 'a' }, {}, { start: 'b', rank: 2 }]) {
    const { cluster } = withHeld();
    tell(cluster, 1, told);
    cluster.advance(HOUR_MS);
    t.deepEqual(writesOf(cluster), [1], JSON.stringify(told));
    cluster.at(1).endByProcess();
    cluster.advance(SOON_MS);
    tell(cluster, 1, { start: 'c' });
    cluster.turn();
    t.deepEqual(writesOf(cluster), [1, 1], 'the next life releases it');
  }
});

test('it stays held if nobody knows the life that its connection led to', (t) => {
  const { cluster } = withHeld({}, {});
  tell(cluster, 1, { start: 'b' });
  cluster.advance(HOUR_MS);
  t.deepEqual(writesOf(cluster), [1]);
});

test('a report that cannot be read, or a tag that was rejected, tells nothing', (t) => {
  for (const text of [null, '', 'null', '{"start":', '{"start":1,"rank":1,"standing":"member"}']) {
    const { cluster } = withHeld();
    cluster.at(1).report(0, text);
    cluster.advance(HOUR_MS);
    t.deepEqual(writesOf(cluster), [1], String(text));
    t.false(cluster.stopped);
  }
});

test('a process whose disk is new has to become a member first', (t) => {
  const { cluster } = withHeld();
  tell(cluster, 1, { start: 'b', standing: 'joining' });
  cluster.turn();
  t.deepEqual(writesOf(cluster), [1], 'whoever has the old disk might still get its votes');
  cluster.advance(SOON_MS);
  t.is(cluster.at(1).inquiries.length, 2, 'it is asked again');
  cluster.at(1).report(1, '{"rank":1,"standing":"member","start":"b"}');
  cluster.advance(HOUR_MS);
  t.deepEqual(writesOf(cluster), [1, 1]);
  t.is(cluster.at(1).inquiries.length, 2, 'and then no more');
});

test('what was asked before the write was held says nothing about it', (t) => {
  const cluster = new VirtualCluster({ slots: [1, 1] });
  cluster.turn();
  const [early, late] = cluster.connections.get(1)!;
  // Of the first connection the answer is slow. It may well be older than the other one.
  late.report(0, '{"rank":1,"standing":"member","start":"b"}');
  cluster.watch(cluster.client.read(9));
  const write = cluster.watch(cluster.client.write(0, sectorOf(1)));
  cluster.turn();
  const by = [early, late].find(({ requests }) => requests.some(({ kind }) => kind === 'write'));
  t.is(by, late);
  late.vanish();
  early.report(0, '{"rank":1,"standing":"member","start":"a"}');
  cluster.turn();
  t.deepEqual(writesOf(cluster), [1]);
  t.deepEqual(write.seen, []);
});

test('a held write that is given up keeps its sector until its process is in another life', (t) => {
  const { cluster, write } = withHeld();
  write.stop();
  const next = cluster.watch(cluster.client.write(0, sectorOf(2)));
  cluster.advance(HOUR_MS);
  t.deepEqual(writesOf(cluster), [1], 'it might be overwritten by the one before');
  tell(cluster, 1, { start: 'b' });
  cluster.turn();
  t.deepEqual(writesOf(cluster), [1, 2], 'what was given up is not sent again');
  cluster.at(1).answer(0);
  t.deepEqual(next.seen, ['|']);
  t.is(cluster.client.operationCount, 0);
});

test('so does a write that was given up before its connection ended so', (t) => {
  const cluster = new VirtualCluster({ processCount: 1, timeouts: { unconfirmedMs: 60_000 } });
  const write = cluster.watch(cluster.client.write(0, sectorOf(1)));
  cluster.turn();
  write.stop();
  cluster.watch(cluster.client.write(0, sectorOf(2)));
  cluster.at(1).vanish();
  cluster.advance(59_999);
  t.deepEqual(writesOf(cluster), [1]);
  t.is(cluster.client.counters.heldWrites, 1);
  cluster.advance(1);
  t.deepEqual(writesOf(cluster), [1, 2], 'the time for that frees it');
});

test('a write that is held twice waits the whole time twice', (t) => {
  const { cluster } = withHeld({ timeouts: { unconfirmedMs: 60_000 } });
  tell(cluster, 1, { start: 'b' });
  cluster.turn();
  cluster.at(1).vanish();
  cluster.advance(59_999);
  t.deepEqual(writesOf(cluster), [1, 1], 'the first time is over by now');
  cluster.advance(1);
  t.deepEqual(writesOf(cluster), [1, 1, 1]);
});

test('each connection is asked once, and no operation waits for the answer', (t) => {
  const cluster = new VirtualCluster();
  const read = cluster.watch(cluster.client.read(0));
  cluster.turn();
  const [{ rank, position }] = cluster.requestsOf(0);
  cluster.at(rank).answer(position, sectorOf(1));
  t.deepEqual(read.seen, [sectorOf(1), '|']);
  cluster.advance(HOUR_MS);
  const counts = [1, 2, 3].map((each) => cluster.at(each).inquiries.length);
  t.deepEqual(counts, [1, 1, 1]);
  t.false(cluster.at(rank).clientEnded, 'a process that skips the question is no silent one');
});
