/** Requests and responses: order, pairing, spreading, queues, and responses not to be believed. */
import test from 'ava';
import fc from 'fast-check';
import { serializeOpened } from '../../src/wire/strict/openMessages.js';
import { Packer } from '../../src/wire/strict/pack.js';
import { sectorOf, tagger, VirtualCluster } from './virtualCluster.js';

test('a read gets the data of its own response, in whatever order responses come', (t) => {
  const cluster = new VirtualCluster({ processCount: 1 });
  const reads = [0, 1, 2].map((sector) => cluster.watch(cluster.client.read(sector)));
  cluster.turn();
  const connection = cluster.at(1);
  t.deepEqual(
    connection.requests.map(({ sector }) => sector),
    [0n, 1n, 2n],
  );
  for (const position of [2, 0, 1]) connection.answer(position, sectorOf(position + 10));
  t.deepEqual(
    reads.map(({ seen }) => seen),
    [10, 11, 12].map((fill) => [sectorOf(fill), '|']),
  );
});

test('what one turn sends goes out in one piece', (t) => {
  const cluster = new VirtualCluster({ processCount: 1 });
  const before = cluster.at(1).writeCount;
  for (let sector = 0; sector < 10; sector += 1) cluster.watch(cluster.client.read(sector));
  t.is(cluster.at(1).writeCount, before);
  cluster.turn();
  t.is(cluster.at(1).writeCount, before + 1);
  t.is(cluster.at(1).requests.length, 10);
});

test('a write is durable when the response has come, not before', (t) => {
  const cluster = new VirtualCluster({ processCount: 1 });
  const write = cluster.watch(cluster.client.write(5, sectorOf(1)));
  cluster.turn();
  t.deepEqual(cluster.at(1).requests[0].data, Buffer.from(sectorOf(1)));
  t.deepEqual(write.seen, []);
  cluster.at(1).answer(0);
  t.deepEqual(write.seen, ['|']);
});

test('operations of one sector go one at a time and in order; others do not wait', (t) => {
  const cluster = new VirtualCluster({ processCount: 1 });
  const connection = cluster.at(1);
  const first = cluster.watch(cluster.client.write(7, sectorOf(1)));
  const second = cluster.watch(cluster.client.read(7));
  const third = cluster.watch(cluster.client.write(7, sectorOf(2)));
  cluster.watch(cluster.client.read(8));
  cluster.turn();
  const sent = () => connection.requests.map(({ kind, sector }) => `${kind} ${sector}`);
  t.deepEqual(sent(), ['write 7', 'read 8']);
  connection.answer(0);
  cluster.turn();
  t.deepEqual(sent(), ['write 7', 'read 8', 'read 7']);
  connection.answer(2, sectorOf(1));
  cluster.turn();
  t.deepEqual(sent(), ['write 7', 'read 8', 'read 7', 'write 7']);
  connection.answer(3);
  t.deepEqual([first.seen, second.seen, third.seen], [['|'], [sectorOf(1), '|'], ['|']]);
});

test('what is sent in one turn goes to one process, up to a number', (t) => {
  const cluster = new VirtualCluster({ togetherMax: 4 });
  const outstanding = () => [1, 2, 3].map((rank) => cluster.at(rank).requests.length);
  for (let sector = 0; sector < 4; sector += 1) cluster.watch(cluster.client.read(sector));
  cluster.turn();
  t.deepEqual(outstanding(), [4, 0, 0]);
  for (let sector = 4; sector < 8; sector += 1) cluster.watch(cluster.client.read(sector));
  cluster.turn();
  t.deepEqual(outstanding(), [4, 4, 0]);
  for (let sector = 8; sector < 24; sector += 1) cluster.watch(cluster.client.read(sector));
  cluster.turn();
  t.deepEqual(outstanding(), [8, 8, 8]);
});

test('operations are spread over the processes, to the one with the fewest outstanding', (t) => {
  const cluster = new VirtualCluster();
  const outstanding = () => [1, 2, 3].map((rank) => cluster.at(rank).requests.length);
  for (let sector = 0; sector < 9; sector += 1) cluster.watch(cluster.client.read(sector));
  cluster.turn();
  t.deepEqual(outstanding(), [3, 3, 3]);
  cluster.at(2).answer(0);
  cluster.at(2).answer(1);
  for (let sector = 9; sector < 11; sector += 1) cluster.watch(cluster.client.read(sector));
  cluster.turn();
  t.deepEqual(outstanding(), [3, 5, 3], 'both went to the process that had answered');
});

test('a process that has not answered yet gets no work while others have', (t) => {
  const cluster = new VirtualCluster({ processCount: 2 });
  cluster.watch(cluster.client.read(0));
  cluster.turn();
  const [first, second] = cluster.at(1).requests.length === 1 ? [1, 2] : [2, 1];
  cluster.at(first).answer(0);
  for (let sector = 1; sector < 4; sector += 1) cluster.watch(cluster.client.read(sector));
  cluster.turn();
  t.is(cluster.at(first).requests.length, 4);
  t.is(cluster.at(second).requests.length, 1, 'a question that only asks whether it is there');
  cluster.at(second).answer(0, undefined, 'invalidSectorIndex');
  for (let sector = 4; sector < 6; sector += 1) cluster.watch(cluster.client.read(sector));
  cluster.turn();
  t.is(cluster.at(second).requests.length, 3);
});

test('no connection has more outstanding than it may; the rest waits for answers', (t) => {
  const cluster = new VirtualCluster({ processCount: 2, outstandingPerConnection: 3 });
  for (let sector = 0; sector < 10; sector += 1) cluster.watch(cluster.client.read(sector));
  cluster.turn();
  t.deepEqual([cluster.at(1).requests.length, cluster.at(2).requests.length], [3, 3]);
  cluster.at(1).answer(0);
  cluster.turn();
  t.deepEqual([cluster.at(1).requests.length, cluster.at(2).requests.length], [4, 3]);
});

test('operations begun before any process is reachable wait for one', (t) => {
  const cluster = new VirtualCluster({ processCount: 1, dialledAfterMs: 1 });
  cluster.at(1).endByProcess();
  const read = cluster.watch(cluster.client.read(0));
  cluster.advance(100);
  cluster.at(1).answer(0, sectorOf(3));
  t.deepEqual(read.seen, [sectorOf(3), '|']);
});

test('a refusal by the process is the error of the operation', (t) => {
  const cluster = new VirtualCluster({ processCount: 1 });
  const read = cluster.watch(cluster.client.read(1));
  const write = cluster.watch(cluster.client.write(2, sectorOf(0)));
  const behind = cluster.watch(cluster.client.read(1));
  cluster.turn();
  cluster.at(1).answer(0, undefined, 'invalidSectorIndex');
  cluster.at(1).answer(1, undefined, 'authFailure');
  cluster.turn();
  t.deepEqual(read.seen, ['ATDD_INVALID_SECTOR_INDEX']);
  t.deepEqual(write.seen, ['ATDD_AUTH_FAILURE']);
  cluster.at(1).answer(2, sectorOf(4));
  t.deepEqual(behind.seen, [sectorOf(4), '|'], 'the sector is not stuck');
});

test('a response with a wrong tag is dropped and counted, whatever it says', (t) => {
  const cluster = new VirtualCluster({ processCount: 1 });
  const read = cluster.watch(cluster.client.read(0));
  cluster.turn();
  const connection = cluster.at(1);
  for (const at of [7, 9, 20, 4143]) {
    const damaged = connection.responseTo(0, sectorOf(6));
    if (at === 7) {
      damaged[6] = 1;
    } // Ok -> AuthFailure: another length, and a tag in the wrong place.
    else damaged[at] ^= 1;
    connection.say(at === 7 ? damaged.subarray(0, 48) : damaged);
  }
  t.deepEqual(read.seen, []);
  t.is(cluster.client.counters.badTagResponses, 4);
  t.is(cluster.warnings.length, 1, 'told once, not each time');
  connection.answer(0, sectorOf(6));
  t.deepEqual(read.seen, [sectorOf(6), '|']);
});

test('messages of the strict register are dropped and counted', (t) => {
  const cluster = new VirtualCluster({ processCount: 1 });
  const connection = cluster.at(1);
  const read = cluster.watch(cluster.client.read(0));
  cluster.turn();
  const opened = { rank: 1, echo: 'sixteen letters.', version: 1, mode: 'strict', processCount: 1 } as const;
  connection.say(serializeOpened({ ...opened, memberState: 'member', sectors: 9, incarnations: [0] }, tagger));
  const stored = { kind: 'stored', runs: [{ outcome: 'stored', count: 1 }] } as const;
  const answers = [{ number: 0, range: { first: 0, count: 1 }, answer: stored }];
  for (const piece of new Packer(1, tagger).packAnswers([0], answers)) connection.say(piece);
  t.is(cluster.client.counters.unexpectedResponses, 2);
  connection.answer(0, sectorOf(1));
  t.deepEqual(read.seen, [sectorOf(1), '|']);
});

test('authentic responses that nobody asked for are dropped and counted', (t) => {
  const cluster = new VirtualCluster({ processCount: 1 });
  const connection = cluster.at(1);
  const read = cluster.watch(cluster.client.read(0));
  cluster.turn();
  connection.answer(0, sectorOf(1));
  connection.answer(0, sectorOf(2));
  t.deepEqual(read.seen, [sectorOf(1), '|']);
  t.is(cluster.client.counters.unexpectedResponses, 1, 'a request answered twice');

  const write = cluster.watch(cluster.client.write(0, sectorOf(3)));
  cluster.turn();
  const { requestNumber } = connection.requests[1];
  connection.requests.push({ kind: 'read', requestNumber, sector: 0n, data: null });
  connection.answer(2);
  t.deepEqual(write.seen, [], "a READ's response does not answer a WRITE");
  t.is(cluster.client.counters.unexpectedResponses, 2);
  connection.answer(1);
  t.deepEqual(write.seen, ['|']);
});

test('garbage between responses, and responses cut anywhere, change nothing', (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 40 }), { minLength: 3, maxLength: 3 }),
      fc.array(fc.integer({ min: 1, max: 5_000 }), { maxLength: 20 }),
      (garbage, cuts) => {
        const cluster = new VirtualCluster({ processCount: 1 });
        const connection = cluster.at(1);
        const reads = [0, 1, 2].map((sector) => cluster.watch(cluster.client.read(sector)));
        cluster.turn();
        // No magic in the garbage: after one, the bytes that follow belong to that message.
        const stream = Buffer.concat(
          [2, 0, 1].flatMap((position) => [
            garbage[position].filter((byte) => byte !== 0x61),
            connection.responseTo(position, sectorOf(position + 1)),
          ]),
        );
        let at = 0;
        for (const size of [...cuts, stream.length]) {
          connection.say(Uint8Array.from(stream.subarray(at, at + size)));
          at += size;
        }
        for (const [sector, { seen }] of reads.entries()) {
          t.deepEqual(seen, [sectorOf(sector + 1), '|']);
        }
      },
    ),
    { numRuns: 100 },
  );
});

test('data that was read is memory of its own', (t) => {
  const cluster = new VirtualCluster({ processCount: 1 });
  const read = cluster.watch(cluster.client.read(0));
  cluster.turn();
  const chunk = cluster.at(1).responseTo(0, sectorOf(5));
  cluster.at(1).say(chunk);
  chunk.fill(0);
  t.deepEqual(read.seen[0], sectorOf(5));
  t.is((read.seen[0] as Uint8Array).buffer.byteLength, 4096);
});

test('a ping asks the process it names, and measures', (t) => {
  const cluster = new VirtualCluster();
  const ping = cluster.watch(cluster.client.ping(2, 1_000));
  cluster.turn();
  t.deepEqual(
    cluster.at(2).requests.map(({ kind, sector }) => [kind, sector]),
    [['read', 2n ** 64n - 1n]],
  );
  cluster.advance(7);
  cluster.at(2).answer(0, undefined, 'invalidSectorIndex');
  t.deepEqual(ping.seen, [7, '|']);
});

test('a ping is not kept back by operations, and asks again when the connection breaks', (t) => {
  const cluster = new VirtualCluster({ processCount: 1, outstandingPerConnection: 1 });
  cluster.watch(cluster.client.read(0));
  const ping = cluster.watch(cluster.client.ping(1, 1_000));
  cluster.turn();
  t.is(cluster.at(1).requests.length, 2);
  cluster.at(1).endByProcess();
  cluster.advance(100);
  const again = cluster.at(1).requests.findIndex(({ sector }) => sector > 1n);
  cluster.at(1).answer(again, undefined, 'invalidSectorIndex');
  t.deepEqual(ping.seen, [74, '|'], 'measured from the second request, 26 ms after the break');
});

test('a ping that is not answered fails in time and says what the trouble is', (t) => {
  const cluster = new VirtualCluster({ processCount: 2 });
  cluster.refusing.add(2);
  cluster.at(2).endByProcess();
  const messages: string[] = [];
  cluster.client.ping(2, 500).subscribe({
    error: (error: unknown) => messages.push((error as Error).message),
  });
  cluster.advance(499);
  t.deepEqual(messages, []);
  cluster.advance(1);
  t.deepEqual(messages, ['process 2 did not answer within 500 ms: refused']);
});
