/** What every Connection has to do. An implementation calls `connectionSuite` with a maker of connected pairs. */
import test, { type ExecutionContext } from 'ava';
import { setImmediate } from 'node:timers/promises';
import type { Connection } from '../../src/ports/connection.js';
import { serializeRequest } from '../../src/wire/serialize.js';
import { createTagger } from '../../src/wire/tag.js';
import { CLIENT_KEY } from '../wire/messages.js';

export interface ConnectedPair {
  readonly connection: Connection;
  readonly other: OtherSide;
  /** Lets happen what is due. Where time is real: waits long enough for what must not happen to have happened. */
  settle(): Promise<void>;
  /** Bytes that stay in `bufferedBytes` at most when all has been handed to the system. Default: 0. */
  readonly untoldBytesMax?: number;
}

/** The other side of a connection, in the hands of the suite. */
export interface OtherSide {
  /** @param bytes A whole message, or several: some connections are told apart by what comes in. */
  send(bytes: Uint8Array): void;
  end(): void;
  /** Goes without a goodbye. */
  reset(): void;
  /** It takes nothing of what is sent to it, until told to go on. */
  stopReading(): void;
  goOnReading(): void;
  /** Whether it has to wait with what it sends. */
  isHeldUp(): boolean;
  /** All that has arrived there. */
  received(): Buffer;
}

/** A new connection; the other side has sent those bytes, and nobody has read them yet. */
export type Connect = (t: ExecutionContext, first: Uint8Array) => Promise<ConnectedPair>;

const tagger = createTagger(CLIENT_KEY);
/** A message of some 60 bytes, another for each number. */
const message = (sector: number): Buffer =>
  serializeRequest({ kind: 'read', requestNumber: BigInt(sector), sector }, tagger);
const messages = (from: number, to: number): Buffer =>
  Buffer.concat(Array.from({ length: to - from + 1 }, (_, index) => message(from + index)));
/** More than any system takes in for a program that does not read. */
const FLOOD_BYTES = 16 * 1_048_576;
const WRITE = serializeRequest({ kind: 'write', requestNumber: 1n, sector: 0, data: new Uint8Array(4_096) }, tagger);
const flood = (): Buffer => Buffer.concat(Array.from({ length: FLOOD_BYTES / 4_096 }, () => WRITE));
const text = (value: string): Uint8Array => Uint8Array.from(Buffer.from(value));

/** What has come by a connection; `onChunk` is called from within each emission. */
function read({ bytes$ }: Connection, onChunk: () => void = () => undefined) {
  const chunks: Uint8Array[] = [];
  const seen = { chunks, bytes: () => Buffer.concat(chunks), hasEnded: false, error: null as unknown };
  const subscription = bytes$.subscribe({
    next: (chunk) => {
      chunks.push(Uint8Array.from(chunk));
      onChunk();
    },
    complete: () => (seen.hasEnded = true),
    error: (error: unknown) => (seen.error = error),
  });
  return { seen, subscription };
}

/** Which of the other two streams have completed, in that order. */
function ends({ drained$, closed$ }: Connection): string[] {
  const list: string[] = [];
  drained$.subscribe({ complete: () => list.push('drained$') });
  closed$.subscribe({ complete: () => list.push('closed$') });
  return list;
}

/** Waits for what is sure to come, however slow the machine is. */
async function until(pair: ConnectedPair, condition: () => boolean): Promise<void> {
  const dueMs = performance.now() + 60_000;
  while (!condition()) {
    if (performance.now() > dueMs) throw new Error(`never true: ${condition.toString()}`);
    await pair.settle();
    await setImmediate();
  }
}

export function connectionSuite(name: string, connect: Connect): void {
  const first = message(0);

  test(`${name}: what came before the reader is there for it, and nothing from within its call`, async (t) => {
    const pair = await connect(t, first);
    pair.other.send(message(1));
    await pair.settle();
    pair.connection.resume();
    await pair.settle();
    const { seen } = read(pair.connection);
    t.deepEqual(seen.chunks, []);
    pair.other.send(message(2));
    await until(pair, () => seen.bytes().length >= messages(0, 2).length);
    t.deepEqual(seen.bytes(), messages(0, 2));
  });

  test(`${name}: nothing comes while it is paused, and all of it after`, async (t) => {
    const pair = await connect(t, first);
    const { connection, other } = pair;
    connection.pause();
    const { seen } = read(connection);
    other.send(message(1));
    await pair.settle();
    t.deepEqual(seen.chunks, []);
    connection.resume();
    t.deepEqual(seen.chunks, [], 'not from within the call');
    await until(pair, () => seen.bytes().length >= messages(0, 1).length);
    connection.pause();
    other.send(message(2));
    await pair.settle();
    t.deepEqual(seen.bytes(), messages(0, 1));
    connection.resume();
    connection.pause();
    await pair.settle();
    t.deepEqual(seen.bytes(), messages(0, 1), 'paused again before anything came');
    connection.resume();
    await until(pair, () => seen.bytes().length >= messages(0, 2).length);
    t.deepEqual(seen.bytes(), messages(0, 2));
  });

  test(`${name}: a reader that pauses at each chunk gets one at a time`, async (t) => {
    const pair = await connect(t, first);
    const { connection, other } = pair;
    connection.pause();
    const { seen } = read(connection, () => {
      connection.pause();
    });
    for (const n of [1, 2, 3]) {
      other.send(message(n));
      await pair.settle();
    }
    for (let count = 1; seen.bytes().length < messages(0, 3).length; count += 1) {
      connection.resume();
      await until(pair, () => seen.chunks.length >= count);
      await pair.settle();
      t.is(seen.chunks.length, count);
    }
    t.deepEqual(seen.bytes(), messages(0, 3));
  });

  test(`${name}: pause and resume from within an emission: the next comes after it, in order`, async (t) => {
    const pair = await connect(t, first);
    const { connection, other } = pair;
    connection.pause();
    let depth = 0;
    const { seen } = read(connection, () => {
      depth += 1;
      t.is(depth, 1);
      connection.pause();
      connection.resume();
      depth -= 1;
    });
    for (const n of [1, 2, 3]) {
      other.send(message(n));
      await pair.settle();
    }
    connection.resume();
    await until(pair, () => seen.bytes().length >= messages(0, 3).length);
    t.deepEqual(seen.bytes(), messages(0, 3));
  });

  test(`${name}: a connection that is paused, or read from no more, makes the other side wait`, async (t) => {
    const paused = await connect(t, first);
    paused.connection.pause();
    read(paused.connection);
    paused.other.send(flood());
    await paused.settle();
    t.true(paused.other.isHeldUp());
    const left = await connect(t, first);
    const { seen, subscription } = read(left.connection);
    await until(left, () => seen.bytes().length >= first.length);
    subscription.unsubscribe();
    left.connection.pause();
    left.connection.resume();
    left.other.send(flood());
    await left.settle();
    t.true(left.other.isHeldUp());
    t.deepEqual(seen.bytes(), first);
  });

  test(`${name}: who unsubscribes from within an emission gets no more, and nobody else does`, async (t) => {
    const pair = await connect(t, first);
    const { connection, other } = pair;
    connection.pause();
    other.send(message(1));
    const { seen, subscription } = read(connection, () => {
      subscription.unsubscribe();
    });
    await pair.settle();
    connection.resume();
    await until(pair, () => seen.chunks.length > 0);
    await pair.settle();
    t.is(seen.chunks.length, 1);
    const second = read(connection).seen;
    await pair.settle();
    t.truthy(second.error);
    t.deepEqual(second.chunks, []);
  });

  test(`${name}: their end comes after their bytes, if none wait while paused, too; our half goes on`, async (t) => {
    const pair = await connect(t, first);
    const { connection, other } = pair;
    connection.pause();
    const { seen } = read(connection, () => {
      connection.pause();
    });
    const ended = ends(connection);
    other.end();
    await pair.settle();
    t.deepEqual([seen.chunks, seen.hasEnded], [[], false], 'bytes wait');
    connection.resume();
    await until(pair, () => seen.hasEnded);
    t.deepEqual(seen.bytes(), first);
    connection.write([text('still '), text('here')]);
    await until(pair, () => other.received().length >= 10);
    t.deepEqual(ended, []);
    connection.end();
    t.deepEqual(ended, []);
    await until(pair, () => ended.length === 2);
    t.is(other.received().toString(), 'still here');
  });

  test(`${name}: after our end nothing is written any more, and theirs still comes`, async (t) => {
    const pair = await connect(t, first);
    const { connection, other } = pair;
    const { seen } = read(connection);
    const ended = ends(connection);
    const answer = flood();
    connection.write([answer]);
    connection.end();
    connection.write([text('late')]);
    connection.end();
    other.send(message(1));
    await until(pair, () => seen.bytes().length >= messages(0, 1).length);
    await until(pair, () => other.received().length >= answer.length);
    t.deepEqual([seen.hasEnded, ended], [false, []]);
    other.end();
    await until(pair, () => ended.length === 2);
    t.true(other.received().equals(answer));
    t.deepEqual([seen.bytes(), seen.hasEnded], [messages(0, 1), true]);
  });

  test(`${name}: destroyed, it tells of its end once, after the call, and late comers too`, async (t) => {
    const pair = await connect(t, first);
    const { connection } = pair;
    const { seen } = read(connection);
    const ended = ends(connection);
    await until(pair, () => seen.bytes().length >= first.length);
    connection.destroy();
    t.deepEqual([seen.hasEnded, ended], [false, []]);
    await until(pair, () => ended.length === 2);
    t.deepEqual([seen.hasEnded, ended], [true, ['drained$', 'closed$']]);
    connection.write([text('late')]);
    connection.pause();
    connection.resume();
    connection.end();
    connection.destroy();
    await pair.settle();
    t.deepEqual([ended.length, pair.other.received().length], [2, 0]);
    t.deepEqual(ends(connection), ['drained$', 'closed$']);
  });

  test(`${name}: a late reader of a closed connection gets its end at once`, async (t) => {
    const pair = await connect(t, first);
    const ended = ends(pair.connection);
    pair.connection.destroy();
    await until(pair, () => ended.length === 2);
    const { seen } = read(pair.connection);
    t.deepEqual([seen.hasEnded, seen.chunks], [true, []]);
  });

  test(`${name}: destroyed while paused, it drops what waits`, async (t) => {
    const pair = await connect(t, first);
    pair.connection.pause();
    const { seen } = read(pair.connection);
    await pair.settle();
    pair.connection.destroy();
    await until(pair, () => seen.hasEnded);
    t.deepEqual(seen.chunks, []);
  });

  test(`${name}: destroyed from within an emission, it emits nothing more`, async (t) => {
    const pair = await connect(t, first);
    const { connection, other } = pair;
    connection.pause();
    const { seen } = read(connection, () => {
      connection.destroy();
    });
    for (const n of [1, 2]) {
      other.send(message(n));
      await pair.settle();
    }
    connection.resume();
    await until(pair, () => seen.hasEnded);
    t.is(seen.chunks.length, 1);
  });

  test(`${name}: broken by the other side, it ends without an error`, async (t) => {
    const pair = await connect(t, first);
    const { connection, other } = pair;
    const { seen } = read(connection);
    const ended = ends(connection);
    await until(pair, () => seen.bytes().length >= first.length);
    other.reset();
    await until(pair, () => ended.length === 2);
    t.deepEqual([seen.hasEnded, seen.error, ended], [true, null, ['drained$', 'closed$']]);
  });

  test(`${name}: bufferedBytes is what the other side makes us keep; drained$ tells when it is gone`, async (t) => {
    const pair = await connect(t, first);
    const { connection, other, untoldBytesMax = 0 } = pair;
    read(connection);
    let drainedCount = 0;
    connection.drained$.subscribe(() => (drainedCount += 1));
    other.stopReading();
    const chunks = Array.from({ length: 16 }, (_, n) => new Uint8Array(FLOOD_BYTES / 16).fill(n));
    for (const chunk of chunks) connection.write([chunk]);
    t.is(drainedCount, 0, 'not from within the call');
    await pair.settle();
    t.true(connection.bufferedBytes > 0);
    t.is(drainedCount, 0);
    other.goOnReading();
    await until(pair, () => connection.bufferedBytes <= untoldBytesMax);
    await until(pair, () => drainedCount > 0 && other.received().length === FLOOD_BYTES);
    t.true(other.received().equals(Buffer.concat(chunks)));
  });

  test(`${name}: no chunks are no write`, async (t) => {
    const pair = await connect(t, first);
    pair.connection.write([]);
    await pair.settle();
    t.deepEqual([pair.connection.bufferedBytes, pair.other.received().length], [0, 0]);
  });
}
