/** Time-outs, callers that go away, and the end of the client. */
import test from 'ava';
import { sectorOf, VirtualCluster } from './virtualCluster.js';

function messageOf(cluster: VirtualCluster, kind: 'read' | 'write', sector: number): string[] {
  const { client } = cluster;
  const messages: string[] = [];
  const operation$ = kind === 'read' ? client.read(sector) : client.write(sector, sectorOf(1));
  operation$.subscribe({ error: (error: unknown) => messages.push((error as Error).message) });
  return messages;
}

test('without a time-out an operation waits', (t) => {
  const cluster = new VirtualCluster({ processCount: 1 });
  cluster.refusing.add(1);
  cluster.at(1).endByProcess();
  const read = cluster.watch(cluster.client.read(0));
  cluster.advance(86_400_000);
  t.deepEqual(read.seen, []);
});

test('with one it fails, and a write says whether it may have had an effect', (t) => {
  const cluster = new VirtualCluster({
    processCount: 1,
    outstandingPerConnection: 2,
    timeouts: { operationMs: 5_000 },
  });
  const read = messageOf(cluster, 'read', 0);
  const sent = messageOf(cluster, 'write', 1);
  const kept = messageOf(cluster, 'write', 2);
  cluster.advance(4_999);
  t.deepEqual([read, sent, kept], [[], [], []]);
  cluster.advance(1);
  t.deepEqual(read, ['read of sector 0 was not answered']);
  t.deepEqual(sent, ['write of sector 1 was not answered: it may have taken effect or may still do so']);
  t.deepEqual(kept, ['write of sector 2 was given up before it was sent: it has no effect']);
});

test('an operation given up before it was sent never is', (t) => {
  const cluster = new VirtualCluster({ processCount: 1, outstandingPerConnection: 1 });
  cluster.watch(cluster.client.read(0));
  const ready = cluster.watch(cluster.client.write(1, sectorOf(1)));
  const waiting = cluster.watch(cluster.client.write(0, sectorOf(1)));
  ready.stop();
  waiting.stop();
  cluster.turn();
  cluster.at(1).answer(0);
  cluster.advance(100);
  t.deepEqual(
    cluster.at(1).requests.map(({ kind }) => kind),
    ['read'],
  );
});

test('one given up after it was sent keeps its sector until it is answered', (t) => {
  const cluster = new VirtualCluster({ processCount: 1 });
  const write = cluster.watch(cluster.client.write(0, sectorOf(1)));
  cluster.turn();
  write.stop();
  const read = cluster.watch(cluster.client.read(0));
  cluster.turn();
  t.is(cluster.at(1).requests.length, 1);
  cluster.at(1).answer(0);
  cluster.turn();
  cluster.at(1).answer(1, sectorOf(1));
  t.deepEqual(write.seen, []);
  t.deepEqual(read.seen, [sectorOf(1), '|']);
});

test('one given up after it was sent is not sent again', (t) => {
  const cluster = new VirtualCluster();
  const write = cluster.watch(cluster.client.write(0, sectorOf(1)));
  cluster.turn();
  write.stop();
  const read = cluster.watch(cluster.client.read(0));
  cluster.at(cluster.requestsOf(0)[0].rank).endByProcess();
  cluster.turn();
  t.deepEqual(
    cluster
      .requestsOf(0)
      .map(({ request }) => request.kind)
      .sort(),
    ['read', 'write'],
  );
  const again = cluster.requestsOf(0).find(({ request }) => request.kind === 'read')!;
  cluster.at(again.rank).answer(again.position, sectorOf(1));
  t.deepEqual(read.seen, [sectorOf(1), '|']);
});

test('close fails what is under way and what comes, and ends every connection', (t) => {
  const cluster = new VirtualCluster({ processCount: 2, outstandingPerConnection: 1 });
  const watched = [
    cluster.watch(cluster.client.read(0)),
    cluster.watch(cluster.client.write(1, sectorOf(1))),
    cluster.watch(cluster.client.read(1)),
    cluster.watch(cluster.client.read(2)),
    cluster.watch(cluster.client.ping(1, 10_000)),
  ];
  cluster.turn();
  const closed = cluster.watch(cluster.client.close());
  for (const { seen } of watched) t.deepEqual(seen, ['ATDD_CLIENT_CLOSED']);
  t.deepEqual(cluster.watch(cluster.client.read(0)).seen, ['ATDD_CLIENT_CLOSED']);
  t.deepEqual(cluster.watch(cluster.client.connected()).seen, ['ATDD_CLIENT_CLOSED']);
  t.deepEqual(
    [1, 2].map((rank) => cluster.at(rank).clientEnded),
    [true, true],
  );
  t.deepEqual(closed.seen, []);
  cluster.at(1).endByProcess();
  cluster.at(2).endByProcess();
  t.deepEqual(closed.seen, ['|']);
  t.true(cluster.stopped);
  cluster.advance(60_000);
  t.is(cluster.connections.get(1)!.length, 1, 'it does not dial again');
  t.deepEqual(cluster.watch(cluster.client.close()).seen, ['|'], 'closing twice is no fault');
});

test('close sends nothing any more', (t) => {
  const cluster = new VirtualCluster();
  cluster.watch(cluster.client.write(0, sectorOf(1)));
  cluster.turn();
  cluster.at(cluster.requestsOf(0)[0].rank).vanish();
  // Behind the held write; its turn comes when that one is failed, and must not be taken.
  cluster.watch(cluster.client.read(0));
  cluster.watch(cluster.client.close());
  cluster.turn();
  t.is(cluster.requestsOf(0).length, 1);
});

test('close does not wait for long for a process that hangs', (t) => {
  const cluster = new VirtualCluster({ processCount: 1 });
  const closed = cluster.watch(cluster.client.close());
  cluster.advance(999);
  t.deepEqual(closed.seen, []);
  cluster.advance(1);
  t.deepEqual(closed.seen, ['|']);
  t.true(cluster.at(1).clientDestroyed);
});

test('close gives up dialling and waiting for the next dial', (t) => {
  const dialling = new VirtualCluster({ processCount: 1, dialledAfterMs: 1_000 });
  dialling.at(1).endByProcess();
  dialling.advance(60);
  t.deepEqual(dialling.watch(dialling.client.close()).seen, ['|']);
  const between = new VirtualCluster({ processCount: 1 });
  between.refusing.add(1);
  between.at(1).endByProcess();
  between.advance(10_000);
  t.deepEqual(between.watch(between.client.close()).seen, ['|']);
});

test('a sector that no disk can have is refused without being asked for', (t) => {
  const cluster = new VirtualCluster({ processCount: 1, sectors: 10 });
  for (const sector of [-1, 0.5, 10, Number.NaN, Infinity]) {
    t.deepEqual(cluster.watch(cluster.client.read(sector)).seen, ['ATDD_INVALID_SECTOR_INDEX']);
  }
  t.deepEqual(cluster.watch(cluster.client.write(0, new Uint8Array(4095))).seen, ['ATDD_RANGE']);
  cluster.watch(cluster.client.read(9));
  cluster.turn();
  t.is(cluster.at(1).requests.length, 1);
});
