/**
 * The whole pipeline of a process in virtual time: connections are subjects, the disk is a map, and
 * the other processes are played by the test with the independent builder of test/helpers/bytes.ts.
 */
import type { ExecutionContext } from 'ava';
import test from 'ava';
import type { Observable } from 'rxjs';
import { NEVER, Subject, VirtualAction, VirtualTimeScheduler, of } from 'rxjs';
import { STAMP_INITIAL } from '../../src/core/stamp.js';
import type { Connection } from '../../src/ports/connection.js';
import type { SectorStore } from '../../src/ports/store.js';
import type { ProcessOptions } from '../../src/startProcess.js';
import { startProcess } from '../../src/startProcess.js';
import type { Message } from '../helpers/bytes.js';
import { MessageReader, processBytes, receiptBytes, requestBytes } from '../helpers/bytes.js';
import { CLIENT_KEY, DATA, ID, SYSTEM_KEY } from '../wire/messages.js';

const KEYS = { clientKey: CLIENT_KEY, systemKey: SYSTEM_KEY };
const LIMITS = {
  operations: 100,
  operationsPerConnection: 4,
  processMessagesPerConnection: 8,
  clientBufferBytes: 10_000,
  linkBufferBytes: 100_000,
  linkReplies: 16,
  stripes: 8,
};
const TIMEOUTS = {
  shutdownMs: 1_000,
  retransmitMs: 100,
  retransmitMsMax: 400,
  reconnectMs: 10,
  reconnectMsMax: 100,
  badTagPenaltyMs: 5,
  fullRetryMs: 50,
  linkSilentMs: 5_000,
};

/** A connection whose other side is the test. */
class TestConnection implements Connection {
  readonly remote = 'test';
  // The other side of these is the test.
  /* eslint-disable rxjs-x/no-exposed-subjects */
  readonly bytes$ = new Subject<Uint8Array>();
  readonly closed$: Observable<never> = NEVER;
  readonly drained$ = new Subject<void>();
  /* eslint-enable rxjs-x/no-exposed-subjects */
  readonly calls: string[] = [];
  bufferedBytes = 0;
  private readonly reader = new MessageReader(KEYS);
  private received: Message[] = [];

  write(chunks: readonly Uint8Array[]): void {
    for (const chunk of chunks) {
      for (const { message } of this.reader.push(Buffer.from(chunk))) this.received.push(message);
    }
  }
  pause = (): void => void this.calls.push('pause');
  resume = (): void => void this.calls.push('resume');
  end = (): void => void this.calls.push('end');
  destroy = (): void => void this.calls.push('destroy');

  /** What has arrived at the other side since the last call. */
  take(): Message[] {
    const taken = this.received;
    this.received = [];
    return taken;
  }
}

/** A disk in memory, with a switch for "no room". */
function memoryStore() {
  const held = new Map<number, { stamp: typeof STAMP_INITIAL; data: Uint8Array }>();
  const state = { isFull: false, putCount: 0, tryCount: 0 };
  const store: SectorStore = {
    stampOf: (sector) => held.get(sector)?.stamp ?? STAMP_INITIAL,
    isDamaged: () => false,
    load: (sector) => of({ kind: 'sound', data: held.get(sector)?.data ?? new Uint8Array(4096) }),
    put: (sector, stamp, data) => {
      state.tryCount += 1;
      if (state.isFull) return of('full');
      state.putCount += 1;
      held.set(sector, { stamp, data });
      return of('stored');
    },
  };
  return { store, held, state };
}

function start(processCount: number, t: ExecutionContext) {
  const clock = new VirtualTimeScheduler(VirtualAction);
  const accepted$ = new Subject<Connection>();
  const trusted: Connection[] = [];
  const dialled = new Map<number, TestConnection>();
  const disk = memoryStore();
  let idCount = 0;
  const silent = () => undefined;
  const options: ProcessOptions = {
    rank: 1,
    processCount,
    sectors: 100,
    ...KEYS,
    limits: LIMITS,
    timeouts: TIMEOUTS,
  };
  const running = startProcess(options, {
    transport: {
      connections$: accepted$,
      dial: (rank) => {
        const connection = new TestConnection();
        dialled.set(rank, connection);
        return of(connection);
      },
      trust: (connection) => trusted.push(connection),
    },
    store: disk.store,
    schedulers: { clock, turn: clock },
    random: { operationId: () => String((idCount += 1)).padStart(16, '0'), fraction: () => 1 },
    log: { debugEnabled: false, debug: silent, info: silent, warn: silent, error: silent },
  });
  running.failure$.subscribe({ error: (error: unknown) => t.fail(String(error)) });
  /** Lets so many milliseconds pass. */
  const pass = (ms: number): void => {
    clock.maxFrames = clock.frame + ms;
    clock.flush();
    clock.frame = clock.maxFrames;
  };
  const connect = (): TestConnection => {
    const connection = new TestConnection();
    accepted$.next(connection);
    return connection;
  };
  pass(0);
  return { running, disk, trusted, dialled, pass, connect };
}

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
  client.bytes$.next(write(1, 7, DATA));
  pass(1);
  t.deepEqual(statuses(client.take()), ['1 Ok']);
  t.deepEqual(disk.held.get(7)?.stamp, { timestamp: 1n, writeRank: 1 });
  client.bytes$.next(read(2, 7));
  pass(1);
  t.deepEqual(client.take(), [
    { family: 'response', kind: 'READ', status: 'Ok', requestNumber: 2n, data: DATA },
  ]);
});

test('errors are answered; only who has shown a key is trusted', (t) => {
  const { connect, pass, trusted } = start(1, t);
  const stranger = connect();
  stranger.bytes$.next(read(1, 7, Buffer.alloc(32)));
  pass(1);
  t.deepEqual(statuses(stranger.take()), ['1 AuthFailure']);
  t.deepEqual(trusted, []);
  pass(TIMEOUTS.badTagPenaltyMs);
  stranger.bytes$.next(read(2, 100));
  pass(1);
  t.deepEqual(statuses(stranger.take()), ['2 InvalidSectorIndex']);
  t.deepEqual(trusted, [stranger]);
});

test('wrong tags slow their connection down', (t) => {
  const { connect, pass } = start(1, t);
  const client = connect();
  const forged = read(1, 7, Buffer.alloc(32));
  client.bytes$.next(Buffer.concat([forged, forged]));
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
  client.bytes$.next(write(1, 7, DATA));
  pass(1);
  const [question] = dialled.get(2)?.take() ?? [];
  t.like(question, { kind: 'READ_PROC', sender: 1, sector: 7n });
  t.is(disk.state.putCount, 0);
  if (question.family !== 'process') return t.fail();
  peer.bytes$.next(valueFrom(2, question.id, 7));
  pass(1);
  t.is(disk.state.putCount, 1);
  t.like(dialled.get(2)?.take()[0], { kind: 'WRITE_PROC', id: question.id });
  t.deepEqual(client.take(), []);
  peer.bytes$.next(fromPeer(2, 'ACK', question.id, 7));
  pass(1);
  t.deepEqual(statuses(client.take()), ['1 Ok']);
  // Nothing is asked any more once it is over.
  pass(2_000);
  t.deepEqual(dialled.get(2)?.take(), []);
});

test('a question is repeated until it is answered', (t) => {
  const { connect, pass, dialled } = start(3, t);
  connect().bytes$.next(read(1, 7));
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
  client.bytes$.next(write(1, 7, DATA));
  pass(1);
  const [question] = dialled.get(2)?.take() ?? [];
  client.bytes$.complete();
  pass(1);
  t.deepEqual(client.calls, ['end']);
  t.is(running.figures().operations, 0);
  if (question.family !== 'process') return t.fail();
  connect().bytes$.next(valueFrom(2, question.id, 7));
  pass(2_000);
  t.is(disk.state.putCount, 0);
  t.deepEqual(dialled.get(2)?.take(), []);
});

test('our half of a connection ends only after its write phases, and their answers', (t) => {
  const { connect, pass, dialled } = start(3, t);
  const client = connect();
  const peer = connect();
  client.bytes$.next(write(1, 7, DATA));
  pass(1);
  const [question] = dialled.get(2)?.take() ?? [];
  if (question.family !== 'process') return t.fail();
  peer.bytes$.next(valueFrom(2, question.id, 7));
  pass(1);
  client.bytes$.complete();
  pass(50);
  t.deepEqual(client.calls, []);
  peer.bytes$.next(fromPeer(2, 'ACK', question.id, 7));
  pass(1);
  t.deepEqual(statuses(client.take()), ['1 Ok']);
  t.deepEqual(client.calls, ['end']);
});

test('a client with its share under way is not read from', (t) => {
  const { connect, pass, dialled } = start(3, t);
  const client = connect();
  const peer = connect();
  client.bytes$.next(Buffer.concat([1, 2, 3, 4].map((n) => read(n, n))));
  t.deepEqual(client.calls, ['pause']);
  pass(1);
  for (const question of dialled.get(2)?.take() ?? []) {
    if (question.family !== 'process' || question.sector !== 3n) continue;
    peer.bytes$.next(valueFrom(2, question.id, 3));
    peer.bytes$.next(fromPeer(2, 'ACK', question.id, 3));
  }
  pass(1);
  t.deepEqual(statuses(client.take()), ['3 Ok']);
  t.deepEqual(client.calls, ['pause', 'resume']);
});

test('a client that does not take its answers is not read from', (t) => {
  const { connect, pass } = start(1, t);
  const client = connect();
  client.bufferedBytes = 10_001;
  client.bytes$.next(read(1, 7));
  pass(1);
  t.deepEqual(client.calls, ['pause']);
  client.bufferedBytes = 0;
  client.drained$.next();
  pass(1);
  t.deepEqual(client.calls, ['pause', 'resume']);
});

test('receipts go to a peer that sends them, for its first messages too, and to no other', (t) => {
  const { connect, pass, dialled } = start(3, t);
  const two = connect();
  const three = connect();
  two.bytes$.next(fromPeer(2, 'READ_PROC', ID, 7));
  three.bytes$.next(fromPeer(3, 'READ_PROC', ID, 7));
  pass(1);
  t.deepEqual(two.take(), []);
  const receipt = receiptBytes({ receiptFor: 'VALUE', sender: 2, id: ID }, SYSTEM_KEY);
  dialled.get(2)?.bytes$.next(receipt);
  pass(1);
  const expected = { family: 'receipt', receiptFor: 'READ_PROC', sender: 1, id: ID };
  t.like(two.take()[0], expected);
  t.deepEqual(three.take(), []);
});

test('a question is confirmed only when the receipt for its answer is here', (t) => {
  const { connect, pass, dialled } = start(3, t);
  const peer = connect();
  const other = '00'.repeat(16);
  const receiptFor = (id: string): Buffer =>
    receiptBytes({ receiptFor: 'VALUE', sender: 2, id }, SYSTEM_KEY);
  dialled.get(2)?.bytes$.next(receiptFor(other));
  peer.bytes$.next(fromPeer(2, 'READ_PROC', ID, 8));
  pass(1);
  t.like(dialled.get(2)?.take()[0], { kind: 'VALUE', id: ID });
  t.deepEqual(peer.take(), [], 'if we die now the peer has to ask again');
  // It asks again over another connection: that is where the receipt goes.
  const again = connect();
  again.bytes$.next(fromPeer(2, 'READ_PROC', ID, 8));
  dialled.get(2)?.bytes$.next(receiptFor(ID));
  pass(1);
  t.deepEqual(peer.take(), []);
  t.like(again.take()[0], { family: 'receipt', receiptFor: 'READ_PROC', sender: 1, id: ID });
  // Answers to us are confirmed as they come.
  again.bytes$.next(fromPeer(2, 'ACK', ID, 8));
  pass(1);
  t.like(again.take()[0], { family: 'receipt', receiptFor: 'ACK', sender: 1, id: ID });
});

test('without room on the disk nothing is acknowledged, reads go on, and it mends itself', (t) => {
  const { connect, pass, disk } = start(1, t);
  const client = connect();
  disk.state.isFull = true;
  client.bytes$.next(Buffer.concat([write(1, 7, DATA), read(2, 8)]));
  pass(500);
  t.deepEqual(statuses(client.take()), ['2 Ok']);
  disk.state.isFull = false;
  pass(60);
  t.deepEqual(statuses(client.take()), ['1 Ok']);
});

test('what a client sends beyond its share waits, however much comes at once', (t) => {
  const { connect, pass, dialled, running } = start(3, t);
  const client = connect();
  client.bytes$.next(Buffer.concat(Array.from({ length: 50 }, (_, n) => read(n, n))));
  pass(1);
  t.is(running.figures().operations, LIMITS.operationsPerConnection);
  t.is(dialled.get(2)?.take().length, LIMITS.operationsPerConnection);
  client.bytes$.complete();
  pass(1);
  t.is(running.figures().operations, 0);
  t.deepEqual(client.calls, ['pause', 'end']);
});

test('an operation without room is tried again once at a time, and not when it is over', (t) => {
  const { connect, pass, disk, running } = start(3, t);
  const client = connect();
  const peer = connect();
  disk.state.isFull = true;
  // A READ whose value is newer elsewhere: our own copy of it finds no room.
  client.bytes$.next(read(1, 7));
  pass(1);
  const id = Buffer.from('1'.padStart(16, '0'), 'latin1').toString('hex');
  const register = { timestamp: 5n, writeRank: 2, data: DATA };
  const newer = { kind: 'VALUE', sender: 2, id, sector: 7n, register } as const;
  peer.bytes$.next(processBytes(newer, SYSTEM_KEY));
  pass(1);
  peer.bytes$.next(fromPeer(2, 'ACK', id, 7));
  pass(1);
  t.is(running.figures().operations, 1, 'one acknowledgement is no majority');
  const before = disk.state.tryCount;
  pass(500);
  t.is(disk.state.tryCount - before, 500 / TIMEOUTS.fullRetryMs);
  const three = connect();
  three.bytes$.next(fromPeer(3, 'ACK', id, 7));
  pass(1);
  t.is(running.figures().operations, 0);
  const after = disk.state.tryCount;
  pass(1_000);
  t.is(disk.state.tryCount, after);
});

test('a peer that repeats an answer nobody asked for is asked something, once', (t) => {
  const { connect, pass, dialled } = start(3, t);
  const peer = connect();
  for (let n = 0; n < 4; n += 1) {
    peer.bytes$.next(fromPeer(2, 'ACK', ID, 7));
    pass(10);
  }
  t.is(dialled.get(2)?.take().length, 1);
  t.deepEqual(dialled.get(3)?.take(), []);
});

test('a question is answered only while there is a place on record for its answer', (t) => {
  const { connect, pass, dialled } = start(3, t);
  const peer = connect();
  peer.bytes$.next(fromPeer(2, 'READ_PROC', ID, 7));
  pass(1);
  const receipt = receiptBytes({ receiptFor: 'VALUE', sender: 2, id: ID }, SYSTEM_KEY);
  dialled.get(2)?.bytes$.next(receipt);
  pass(1);
  dialled.get(2)?.take();
  // Each keeps its place on its connection until the receipt for the answer is here.
  for (let n = 0; n < 40; n += 1) {
    connect().bytes$.next(fromPeer(2, 'READ_PROC', String(n).padStart(32, '0'), n));
    pass(1);
  }
  t.is(dialled.get(2)?.take().length, LIMITS.linkReplies);
});

test('closing lets operations finish, begins none, and does not wait for ever', (t) => {
  const { connect, pass, running } = start(3, t);
  const client = connect();
  client.bytes$.next(read(1, 7));
  let isClosed = false;
  running.close().subscribe({ complete: () => (isClosed = true) });
  client.bytes$.next(read(2, 8));
  pass(500);
  t.is(running.figures().operations, 1);
  t.false(isClosed);
  pass(600);
  t.true(isClosed);
});
