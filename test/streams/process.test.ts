/**
 * The whole pipeline of a process in virtual time: connections are subjects, the disk is a map, and the other processes
 * are played by the test with the independent builder of test/helpers/bytes.ts.
 */
import type { ExecutionContext } from 'ava';
import test from 'ava';
import type { Message } from '../helpers/bytes.js';
import { processBytes, receiptBytes, requestBytes } from '../helpers/bytes.js';
import { CLIENT_KEY, DATA, ID, SYSTEM_KEY } from '../wire/messages.js';
import { introduce } from './hello.js';
import { LIMITS, TIMEOUTS, startVirtual } from './virtualProcess.js';

const start = (processCount: number, t: ExecutionContext) =>
  startVirtual(processCount, (error) => t.fail(String(error)));

type Request = Parameters<typeof requestBytes>[0];
const read = (n: number, sector: number, key = CLIENT_KEY): Buffer =>
  requestBytes({ kind: 'READ', requestNumber: BigInt(n), sector: BigInt(sector), data: null }, key);
const write = (n: number, sector: number, data: Buffer): Buffer => {
  const request: Request = {
    kind: 'WRITE',
    requestNumber: BigInt(n),
    sector: BigInt(sector),
    data,
  };
  return requestBytes(request, CLIENT_KEY);
};
const fromPeer = (sender: number, kind: 'READ_PROC' | 'ACK', id: string, sector: number): Buffer =>
  processBytes({ kind, sender, id, sector: BigInt(sector), register: null }, SYSTEM_KEY);
const valueFrom = (sender: number, id: string, sector: number): Buffer => {
  const register = { timestamp: 0n, writeRank: 0, data: Buffer.alloc(4096) };
  const message = { kind: 'VALUE', sender, id, sector: BigInt(sector), register } as const;
  return processBytes(message, SYSTEM_KEY);
};
const statuses = (messages: Message[]): string[] =>
  messages.map((m) => (m.family === 'response' ? `${m.requestNumber} ${m.status}` : m.family));

test('a process alone writes and reads', (t) => {
  const { connect, pass, disk } = start(1, t);
  const client = connect();
  client.receive(write(1, 7, DATA));
  pass(1);
  t.deepEqual(statuses(client.take()), ['1 Ok']);
  t.deepEqual(disk.held.get(7)?.stamp, { timestamp: 2n << 24n, writeRank: 1 });
  client.receive(read(2, 7));
  pass(1);
  t.deepEqual(client.take(), [{ family: 'response', kind: 'READ', status: 'Ok', requestNumber: 2n, data: DATA }]);
});

test('errors are answered; only who has shown a key is trusted', (t) => {
  const { connect, pass, trusted } = start(1, t);
  const stranger = connect();
  stranger.receive(read(1, 7, Buffer.alloc(32)));
  pass(1);
  t.deepEqual(statuses(stranger.take()), ['1 AuthFailure']);
  t.deepEqual(trusted, []);
  pass(TIMEOUTS.badTagPenaltyMs);
  stranger.receive(read(2, 100));
  pass(1);
  t.deepEqual(statuses(stranger.take()), ['2 InvalidSectorIndex']);
  t.deepEqual(trusted, [stranger]);
});

test('wrong tags slow their connection down', (t) => {
  const { connect, pass } = start(1, t);
  const client = connect();
  const forged = read(1, 7, Buffer.alloc(32));
  client.receive(Buffer.concat([forged, forged]));
  t.deepEqual(client.calls, ['pause']);
  pass(4);
  t.deepEqual(statuses(client.take()), ['1 AuthFailure']);
  pass(5);
  t.deepEqual(statuses(client.take()), ['1 AuthFailure']);
  t.deepEqual(client.calls, ['pause', 'pause']);
  pass(5);
  t.deepEqual(client.calls, ['pause', 'pause', 'resume']);
});

test('an operation goes through a majority: read phase, flush, write phase, answer', (t) => {
  const { connect, pass, dialled, disk } = start(3, t);
  const client = connect();
  const peer = connect();
  client.receive(write(1, 7, DATA));
  pass(1);
  const [question] = dialled.get(2)?.take() ?? [];
  t.like(question, { kind: 'READ_PROC', sender: 1, sector: 7n });
  t.is(disk.state.putCount, 0);
  if (question.family !== 'process') return t.fail();
  peer.receive(valueFrom(2, question.id, 7));
  pass(1);
  t.is(disk.state.putCount, 1);
  t.like(dialled.get(2)?.take()[0], { kind: 'WRITE_PROC', id: question.id });
  t.deepEqual(client.take(), []);
  peer.receive(fromPeer(2, 'ACK', question.id, 7));
  pass(1);
  t.deepEqual(statuses(client.take()), ['1 Ok']);
  // Nothing is asked any more once it is over.
  pass(2_000);
  t.deepEqual(dialled.get(2)?.take(), []);
});

test('a question is repeated until it is answered', (t) => {
  const { connect, pass, dialled } = start(3, t);
  connect().receive(read(1, 7));
  pass(1_000);
  const kinds = dialled
    .get(3)
    ?.take()
    .map((m) => (m.family === 'process' ? m.kind : m.family));
  t.true((kinds?.length ?? 0) >= 3);
  t.deepEqual(new Set(kinds), new Set(['READ_PROC']));
});

test('a client that goes away takes along what has not begun its write phase', (t) => {
  const { connect, pass, dialled, running, disk } = start(3, t);
  const client = connect();
  client.receive(write(1, 7, DATA));
  pass(1);
  const [question] = dialled.get(2)?.take() ?? [];
  client.endReading();
  pass(1);
  t.deepEqual(client.calls, ['end']);
  t.is(running.stats().operations, 0);
  if (question.family !== 'process') return t.fail();
  connect().receive(valueFrom(2, question.id, 7));
  pass(2_000);
  t.is(disk.state.putCount, 0);
  t.deepEqual(dialled.get(2)?.take(), []);
});

test('our half of a connection ends only after its write phases, and their answers', (t) => {
  const { connect, pass, dialled } = start(3, t);
  const client = connect();
  const peer = connect();
  client.receive(write(1, 7, DATA));
  pass(1);
  const [question] = dialled.get(2)?.take() ?? [];
  if (question.family !== 'process') return t.fail();
  peer.receive(valueFrom(2, question.id, 7));
  pass(1);
  client.endReading();
  pass(50);
  t.deepEqual(client.calls, []);
  peer.receive(fromPeer(2, 'ACK', question.id, 7));
  pass(1);
  t.deepEqual(statuses(client.take()), ['1 Ok']);
  t.deepEqual(client.calls, ['end']);
});

test('a client with its share under way is not read from', (t) => {
  const { connect, pass, dialled } = start(3, t);
  const client = connect();
  const peer = connect();
  client.receive(Buffer.concat([1, 2, 3, 4].map((n) => read(n, n))));
  t.deepEqual(client.calls, ['pause']);
  pass(1);
  for (const question of dialled.get(2)?.take() ?? []) {
    if (question.family !== 'process' || question.sector !== 3n) continue;
    peer.receive(valueFrom(2, question.id, 3));
    peer.receive(fromPeer(2, 'ACK', question.id, 3));
  }
  pass(1);
  t.deepEqual(statuses(client.take()), ['3 Ok']);
  t.deepEqual(client.calls, ['pause', 'resume']);
});

test('a client that does not take its answers is not read from', (t) => {
  const { connect, pass } = start(1, t);
  const client = connect();
  client.bufferedBytes = 10_001;
  client.receive(read(1, 7));
  pass(1);
  t.deepEqual(client.calls, ['pause']);
  client.bufferedBytes = 0;
  client.drain();
  pass(1);
  t.deepEqual(client.calls, ['pause', 'resume']);
});

test('receipts go to a peer that sends them, for its first messages too, and to no other', (t) => {
  const { connect, pass, dialled } = start(3, t);
  const two = connect();
  const three = connect();
  two.receive(fromPeer(2, 'READ_PROC', ID, 7));
  three.receive(fromPeer(3, 'READ_PROC', ID, 7));
  pass(1);
  t.deepEqual(two.take(), []);
  const receipt = receiptBytes({ receiptFor: 'VALUE', sender: 2, id: ID }, SYSTEM_KEY);
  dialled.get(2)?.receive(receipt);
  pass(1);
  const expected = { family: 'receipt', receiptFor: 'READ_PROC', sender: 1, id: ID };
  t.like(two.take()[0], expected);
  t.deepEqual(three.take(), []);
});

test('the first receipt confirms the question whose answer it names, and those before it', (t) => {
  const confirmed = (receiptFor: 'VALUE' | 'ACK'): unknown[] => {
    const { connect, pass, dialled } = start(3, t);
    const peer = connect();
    const register = { timestamp: 5n, writeRank: 2, data: DATA };
    const imposed = { kind: 'WRITE_PROC', sender: 2, id: ID, sector: 7n, register } as const;
    peer.receive(fromPeer(2, 'READ_PROC', ID, 7));
    peer.receive(processBytes(imposed, SYSTEM_KEY));
    pass(1);
    dialled.get(2)?.receive(receiptBytes({ receiptFor, sender: 2, id: ID }, SYSTEM_KEY));
    pass(1);
    return peer.take().map((m) => m.family === 'receipt' && m.receiptFor);
  };
  t.deepEqual(confirmed('VALUE'), ['READ_PROC'], 'the ACK may be lost');
  t.deepEqual(confirmed('ACK'), ['READ_PROC', 'WRITE_PROC']);
});

test('a question is confirmed only when the receipt for its answer is here', (t) => {
  const { connect, pass, dialled } = start(3, t);
  const peer = connect();
  const other = '00'.repeat(16);
  const receiptFor = (id: string): Buffer => receiptBytes({ receiptFor: 'VALUE', sender: 2, id }, SYSTEM_KEY);
  dialled.get(2)?.receive(receiptFor(other));
  peer.receive(fromPeer(2, 'READ_PROC', ID, 8));
  pass(1);
  t.like(dialled.get(2)?.take()[0], { kind: 'VALUE', id: ID });
  t.deepEqual(peer.take(), [], 'if we die now the peer has to ask again');
  // It asks again over another connection: that is where the receipt goes.
  const again = connect();
  again.receive(fromPeer(2, 'READ_PROC', ID, 8));
  dialled.get(2)?.receive(receiptFor(ID));
  pass(1);
  t.deepEqual(peer.take(), []);
  t.like(again.take()[0], { family: 'receipt', receiptFor: 'READ_PROC', sender: 1, id: ID });
  // Answers to us are confirmed as they come.
  again.receive(fromPeer(2, 'ACK', ID, 8));
  pass(1);
  t.like(again.take()[0], { family: 'receipt', receiptFor: 'ACK', sender: 1, id: ID });
});

test('a peer that is gone and has not confirmed does not keep its connection for ever', (t) => {
  const { connect, pass, dialled, running } = start(3, t);
  const receipt = receiptBytes({ receiptFor: 'VALUE', sender: 2, id: ID }, SYSTEM_KEY);
  dialled.get(2)?.receive(receipt);
  const asking = connect();
  asking.receive(fromPeer(2, 'READ_PROC', '00'.repeat(16), 8));
  asking.endReading();
  pass(TIMEOUTS.linkSilentMs - 1);
  t.deepEqual(asking.calls, [], 'the receipt is still to come');
  pass(1);
  t.deepEqual(asking.calls, ['end']);
  t.is(running.stats().messages, 0);
});

test('without room on the disk nothing is acknowledged, reads go on, and it mends itself', (t) => {
  const { connect, pass, disk } = start(1, t);
  const client = connect();
  disk.state.isFull = true;
  client.receive(Buffer.concat([write(1, 7, DATA), read(2, 8)]));
  pass(500);
  t.deepEqual(statuses(client.take()), ['2 Ok']);
  disk.state.isFull = false;
  pass(60);
  t.deepEqual(statuses(client.take()), ['1 Ok']);
});

test('what a client sends beyond its share waits, however much comes at once', (t) => {
  const { connect, pass, dialled, running } = start(3, t);
  const client = connect();
  client.receive(Buffer.concat(Array.from({ length: 50 }, (_, n) => read(n, n))));
  pass(1);
  t.is(running.stats().operations, LIMITS.operationsPerConnection);
  t.is(dialled.get(2)?.take().length, LIMITS.operationsPerConnection);
  client.endReading();
  pass(1);
  t.is(running.stats().operations, 0);
  t.deepEqual(client.calls, ['pause', 'end']);
});

test('an operation without room is tried again once at a time, and not when it is over', (t) => {
  const { connect, pass, disk, running } = start(3, t);
  const client = connect();
  const peer = connect();
  disk.state.isFull = true;
  // A READ whose value is newer elsewhere: our own copy of it finds no room.
  client.receive(read(1, 7));
  pass(1);
  const id = Buffer.from('1'.padStart(16, '0'), 'latin1').toString('hex');
  const register = { timestamp: 5n, writeRank: 2, data: DATA };
  const newer = { kind: 'VALUE', sender: 2, id, sector: 7n, register } as const;
  peer.receive(processBytes(newer, SYSTEM_KEY));
  pass(1);
  peer.receive(fromPeer(2, 'ACK', id, 7));
  pass(1);
  t.is(running.stats().operations, 1, 'one acknowledgement is no majority');
  const before = disk.state.tryCount;
  pass(500);
  t.is(disk.state.tryCount - before, 500 / TIMEOUTS.fullRetryMs);
  const three = connect();
  three.receive(fromPeer(3, 'ACK', id, 7));
  pass(1);
  t.is(running.stats().operations, 0);
  const after = disk.state.tryCount;
  pass(1_000);
  t.is(disk.state.tryCount, after);
});

test('a peer that repeats an answer nobody asked for is asked something, once', (t) => {
  const { connect, pass, dialled } = start(3, t);
  const peer = connect();
  for (let n = 0; n < 4; n += 1) {
    peer.receive(fromPeer(2, 'ACK', ID, 7));
    pass(10);
  }
  t.is(dialled.get(2)?.take().length, 1);
  t.deepEqual(dialled.get(3)?.take(), []);
});

test('a question is answered only while there is a place on record for its answer', (t) => {
  const { connect, pass, dialled } = start(3, t);
  const peer = connect();
  peer.receive(fromPeer(2, 'READ_PROC', ID, 7));
  pass(1);
  const receipt = receiptBytes({ receiptFor: 'VALUE', sender: 2, id: ID }, SYSTEM_KEY);
  dialled.get(2)?.receive(receipt);
  pass(1);
  dialled.get(2)?.take();
  // Each keeps its place on its connection until the receipt for the answer is here.
  for (let n = 0; n < 40; n += 1) {
    connect().receive(fromPeer(2, 'READ_PROC', String(n).padStart(32, '0'), n));
    pass(1);
  }
  t.is(dialled.get(2)?.take().length, LIMITS.linkReplies);
});

test('a receipt in the name of a process of this implementation counts for nothing', (t) => {
  const process = start(3, t);
  const { connect, pass, dialled, running } = process;
  const peer = introduce(process, 2);
  pass(1_000);
  dialled.get(2)?.take();
  const liar = connect();
  const forged = receiptBytes({ receiptFor: 'VALUE', sender: 2, id: ID }, SYSTEM_KEY);
  liar.receive(forged);
  dialled.get(3)?.receive(forged);
  pass(1);
  const count = LIMITS.linkReplies * 3;
  for (let n = 0; n < count; n += 1) {
    peer.receive(fromPeer(2, 'READ_PROC', String(n).padStart(32, '0'), n));
    pass(1);
  }
  t.is(dialled.get(2)?.take().length, count, 'nobody waits for receipts of process 2');
  t.is(running.stats().messages, 0);
});

test('a peer that sent receipts and is replaced by one of this implementation is answered without', (t) => {
  const process = start(3, t);
  const { connect, pass, dialled, running } = process;
  const peer = connect();
  peer.receive(fromPeer(2, 'READ_PROC', ID, 7));
  pass(1);
  dialled.get(2)?.receive(receiptBytes({ receiptFor: 'VALUE', sender: 2, id: ID }, SYSTEM_KEY));
  pass(1);
  peer.receive(fromPeer(2, 'READ_PROC', 'ab'.repeat(16), 8));
  pass(1);
  t.is(running.stats().messages, 1, 'one place is kept until the receipt for the answer is here');
  const successor = introduce(process, 2);
  pass(1);
  t.is(running.stats().messages, 0);
  dialled.get(2)?.take();
  const count = LIMITS.linkReplies * 3;
  for (let n = 0; n < count; n += 1) {
    successor.receive(fromPeer(2, 'READ_PROC', String(n).padStart(32, '0'), n));
    pass(1);
  }
  t.is(dialled.get(2)?.take().length, count);
  pass(5_000);
  t.is(running.stats().peers[0].replies, 0);
});

test('closing lets operations finish, begins none, and does not wait for ever', (t) => {
  const { connect, pass, running } = start(3, t);
  const client = connect();
  client.receive(read(1, 7));
  let isClosed = false;
  running.close().subscribe({ complete: () => (isClosed = true) });
  client.receive(read(2, 8));
  pass(500);
  t.is(running.stats().operations, 1);
  t.false(isClosed);
  pass(600);
  t.true(isClosed);
});
