/** One socket and several workers: who gets what, who answers, when it is read from and ended. */
import test from 'ava';
import { Subject } from 'rxjs';
import { serializeInquiry } from '../../src/wire/inquiryMessages.js';
import { serializeMemberMessage } from '../../src/wire/memberMessages.js';
import { serializeRequest } from '../../src/wire/serialize.js';
import { serializeShard } from '../../src/wire/shardMessage.js';
import { clientTagger, joinThreads, systemTagger } from './threads.js';

const read = (sector: number): Buffer =>
  serializeRequest({ kind: 'read', requestNumber: BigInt(sector), sector }, clientTagger);
const write = (sector: number): Buffer =>
  serializeRequest({ kind: 'write', requestNumber: 1n, sector, data: new Uint8Array(4_096) }, clientTagger);
const inquiry = (): Buffer => serializeInquiry({ inquiry: 'status', requestNumber: 7n }, clientTagger);
const link = (): Buffer => {
  const content = { kind: 'list', id: '0123456789abcdef', from: 0 } as const;
  return serializeMemberMessage({ sender: 2, content }, systemTagger);
};

test('each worker gets its messages, whole and in order, and no others', async (t) => {
  const { seen, settle, accept } = joinThreads(3);
  const socket = accept();
  const bytes = Buffer.concat([read(0), Buffer.from('noise'), read(3), read(1), read(6)]);
  socket.receive(bytes.subarray(0, 70));
  socket.receive(bytes.subarray(70));
  await settle();
  t.deepEqual(Buffer.concat(seen[0][0].chunks), Buffer.concat([read(0), read(3), read(6)]));
  t.deepEqual(Buffer.concat(seen[1][0].chunks), read(1));
  t.deepEqual(seen[2], []);
});

test('what workers write goes out, and counts as buffered until the system has it', async (t) => {
  const { seen, settle, accept } = joinThreads(2);
  const socket = accept();
  socket.receive(Buffer.concat([read(0), read(1)]));
  await settle();
  socket.isStuck = true;
  const [[first], [second]] = seen;
  let drainedCount = 0;
  first.connection.drained$.subscribe(() => (drainedCount += 1));
  first.connection.write([Buffer.alloc(20_000, 1), Buffer.alloc(20_000, 2)]);
  second.connection.write([Buffer.alloc(10, 3)]);
  await settle();
  t.deepEqual(
    socket.written.map(({ length }) => length),
    [40_000, 10],
  );
  t.is(first.connection.bufferedBytes, 40_000);
  socket.drain();
  await settle();
  t.is(first.connection.bufferedBytes, 0);
  t.is(drainedCount, 1);
});

test('our half ends when all workers that know the connection have ended theirs', async (t) => {
  const { seen, settle, accept } = joinThreads(3);
  const socket = accept();
  socket.receive(Buffer.concat([read(0), read(1)]));
  await settle();
  const [[first], [second]] = seen;
  first.connection.end();
  await settle();
  t.deepEqual(socket.calls, [], 'the other side has not ended');
  socket.endReading();
  await settle();
  t.true(first.hasEnded && second.hasEnded);
  t.false(second.isClosed);
  t.deepEqual(socket.calls, []);
  second.connection.write([Buffer.from('last')]);
  second.connection.end();
  await settle();
  t.deepEqual(socket.calls, ['end']);
  t.is(Buffer.concat(socket.written).toString(), 'last');
  socket.close();
  await settle();
  t.true(first.isClosed && second.isClosed);
});

test('a client that says nothing is let go at its end; one that breaks, everywhere', async (t) => {
  const { seen, settle, accept } = joinThreads(2);
  const silent = accept();
  silent.endReading();
  await settle();
  t.deepEqual(silent.calls, ['end']);
  const broken = accept();
  broken.receive(Buffer.concat([read(0), read(1)]));
  await settle();
  broken.close();
  await settle();
  for (const [one] of seen) t.true(one.hasEnded && one.isClosed);
  // Too late.
  seen[0][0].connection.write([Buffer.from('late')]);
  await settle();
  t.deepEqual(broken.written, []);
});

test('a worker that takes nothing more stops the socket, before much has gathered', async (t) => {
  const { seen, settle, accept } = joinThreads(2, { windowBytes: 50_000 });
  const socket = accept();
  socket.receive(write(0));
  await settle();
  const [[first]] = seen;
  first.connection.pause();
  let sentCount = 1;
  while (!socket.calls.includes('pause')) {
    socket.receive(write(0));
    await settle();
    sentCount += 1;
    t.true(sentCount < 20);
  }
  t.is(first.chunks.length, 1);
  t.true(sentCount * 4_152 > 50_000);
  socket.endReading();
  await settle();
  t.false(first.hasEnded, 'what waits comes first');
  first.connection.resume();
  await settle();
  t.is(first.chunks.length, sentCount);
  t.true(first.hasEnded);
});

test('the socket goes on when the worker does', async (t) => {
  const { seen, settle, accept } = joinThreads(2, { windowBytes: 20_000 });
  const socket = accept();
  socket.receive(write(0));
  await settle();
  seen[0][0].connection.pause();
  for (let count = 0; count < 6; count += 1) socket.receive(write(0));
  await settle();
  t.deepEqual(socket.calls, ['pause']);
  seen[0][0].connection.resume();
  await settle();
  t.deepEqual(socket.calls, ['pause', 'resume']);
});

test('an inquiry is answered once, when all have; then the connection may end', async (t) => {
  const text = new Subject<string>();
  const { settle, accept, trusted } = joinThreads(2, { inquire: () => text });
  const socket = accept();
  socket.receive(inquiry());
  t.deepEqual(trusted, [socket]);
  t.deepEqual(socket.calls, []);
  socket.receive(inquiry());
  t.deepEqual(socket.calls, ['pause'], 'as many as may wait');
  socket.endReading();
  await settle();
  t.deepEqual(socket.calls, ['pause']);
  text.next('{}');
  t.deepEqual(
    socket.written.map(({ length }) => length),
    [4_144, 4_144],
  );
  t.true(socket.calls.includes('end'));
});

test('an inquiry with a wrong tag is one worker’s business', async (t) => {
  const { seen, settle, accept, trusted } = joinThreads(2);
  const socket = accept();
  const wrong = inquiry();
  wrong[50] ^= 1;
  socket.receive(wrong);
  await settle();
  t.deepEqual(
    seen.map(({ length }) => length),
    [1, 0],
  );
  t.deepEqual([trusted, socket.written], [[], []]);
});

test('a peer says which worker it is, and is trusted', async (t) => {
  const { seen, settle, accept, trusted } = joinThreads(2);
  const socket = accept();
  socket.receive(Buffer.concat([serializeShard(2, { index: 1, count: 2 }, systemTagger), link(), read(0)]));
  await settle();
  t.deepEqual(trusted, [socket]);
  t.deepEqual(Buffer.concat(seen[1][0].chunks), link());
  t.deepEqual(Buffer.concat(seen[0][0].chunks), read(0), 'requests go by their sector');
});

test('a peer with another number of workers is refused: nothing of it is taken in', async (t) => {
  const { seen, settle, accept, warnings } = joinThreads(2);
  const other = accept();
  other.receive(Buffer.concat([serializeShard(2, { index: 1, count: 3 }, systemTagger), link()]));
  const none = accept();
  none.receive(link());
  await settle();
  t.deepEqual([other.calls, none.calls], [['destroy'], ['destroy']]);
  t.deepEqual(seen, [[], []]);
  t.is(warnings.length, 1, 'said once');
});

test('a declaration that nobody signed changes nothing', async (t) => {
  const { seen, settle, accept, trusted } = joinThreads(2);
  const socket = accept();
  const forged = serializeShard(2, { index: 1, count: 3 }, systemTagger);
  forged[40] ^= 1;
  const foreign = link();
  foreign[40] ^= 1;
  socket.receive(Buffer.concat([forged, foreign]));
  await settle();
  t.deepEqual([socket.calls, trusted], [[], []]);
  t.deepEqual(Buffer.concat(seen[0][0].chunks), Buffer.concat([forged, foreign]));
});

test('trust and the end of a connection come from the workers too', async (t) => {
  const { router, seen, settle, accept } = joinThreads(1);
  t.truthy(router);
  const socket = accept();
  socket.receive(read(0));
  await settle();
  seen[0][0].connection.destroy();
  await settle();
  t.true(seen[0][0].isClosed);
  t.deepEqual(socket.calls, ['destroy']);
});
