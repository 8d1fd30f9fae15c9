/** A process of the strict mode, from the bytes of its clients to its disk and back. */
import test from 'ava';
import type { VirtualTimeScheduler } from 'rxjs';
import { of } from 'rxjs';
import type { NumberedAnswer } from '../../src/wire/strict/answers.js';
import { COUNTER_REFUSED } from '../../src/core/strict/version.js';
import { createFrameDecoder } from '../../src/wire/frame.js';
import { CLIENT_MESSAGES } from '../../src/wire/messageTypes.js';
import { SIZE_PACK_MAX } from '../../src/wire/strict/layout.js';
import type { Opened } from '../../src/wire/strict/openMessages.js';
import { serializeOpen } from '../../src/wire/strict/openMessages.js';
import { Packer, SENDER_CLIENT } from '../../src/wire/strict/pack.js';
import type { NumberedRequest } from '../../src/wire/strict/requests.js';
import { createTagger } from '../../src/wire/tag.js';
import { FakeConnection } from '../helpers/fakeConnection.js';
import { FakeNotes, FakeStrictStore, dataOf, strictStamp, taking } from './strictFakes.js';
import { KEYS, memoryNotes, startVirtual } from './virtualProcess.js';

const tagger = createTagger(KEYS.clientKey);
const LIMITS = { processCount: 3, sectors: 100 };

/** A connection whose other side is a client of the strict register. */
class Client extends FakeConnection {
  readonly opened: Opened[] = [];
  /** The answers of each pack. */
  readonly packs: (readonly NumberedAnswer[])[] = [];
  private readonly decoder = createFrameDecoder(CLIENT_MESSAGES, () => SIZE_PACK_MAX);

  override write(chunks: readonly Uint8Array[]): void {
    super.write(chunks);
    for (const frame of chunks.flatMap((chunk) => this.decoder.push(Buffer.from(chunk)))) {
      const message = frame.type.parse(frame.bytes);
      if (message.family === 'opened') this.opened.push(message.content()!);
      else if (message.family === 'pack') {
        const content = message.content(LIMITS);
        if (typeof content === 'string') throw new Error(content);
        if (content.kind === 'requests') throw new Error('a process has sent requests');
        this.packs.push(content.answers);
      }
    }
  }

  open(): void {
    this.receive(serializeOpen({ token: 't'.repeat(16), version: 1 }, tagger));
  }

  ask(...requests: NumberedRequest[]): void {
    for (const piece of new Packer(SENDER_CLIENT, tagger).packRequests(requests)) this.receive(piece);
  }
}

function start(memberState: 'member' | 'joining' = 'member') {
  let store!: FakeStrictStore;
  const make = (clock: VirtualTimeScheduler): FakeStrictStore => {
    store = new FakeStrictStore(taking(clock, () => 5));
    return store;
  };
  const initial = memoryNotes(memberState, 'strict').initial;
  const failures: unknown[] = [];
  const notes = new FakeNotes(() => of(null), initial);
  const world = startVirtual(3, (error) => failures.push(error), memberState, false, notes, make);
  const client = new Client('client', world.clock);
  world.accept(client);
  world.pass(1);
  return { ...world, store, notes, client, failures };
}

const range = { first: 3, count: 2 };
const stamp = strictStamp(7);

test('a client opens, orders, stores and queries', (t) => {
  const { client, pass, store, failures } = start();
  client.open();
  pass(1);
  t.is(client.opened[0].mode, 'strict');
  client.ask(
    { number: 1, request: { kind: 'order', range, stamp, wants: 'versions' } },
    { number: 2, request: { kind: 'store', range, stamp, origin: stamp, data: dataOf(9, 2) } },
    { number: 3, request: { kind: 'query', range, wantsData: true } },
    { number: 4, request: { kind: 'concluded', range, stamp, lacking: [] } },
  );
  pass(3);
  t.deepEqual(failures, []);
  t.deepEqual(
    client.packs.flat().map(({ number }) => number),
    [1],
    'the rest waits for the flush',
  );
  pass(20);
  t.deepEqual(
    client.packs.flat().map(({ number }) => number),
    [1, 2, 3],
  );
  const [, , state] = client.packs.flat();
  t.is(state.answer.kind === 'state' && state.answer.runs.length, 2, 'a run for each copy that was loaded');
  t.is(store.calls.length, 1);
});

test('packs are refused before OPEN, and by a process of the open mode', (t) => {
  const { client, pass } = start();
  client.ask({ number: 1, request: { kind: 'query', range, wantsData: false } });
  pass(20);
  t.deepEqual(client.packs, []);
  const open = startVirtual(3, () => undefined);
  const other = new Client('client', open.clock);
  open.accept(other);
  other.open();
  other.ask({ number: 1, request: { kind: 'query', range, wantsData: false } });
  open.pass(20);
  t.is(other.opened[0].mode, 'open');
  t.deepEqual(other.packs, []);
});

test('a stamp that is far above all that is known is not believed, and nothing else of its pack is', (t) => {
  const { client, pass, clock, accept, store, notes } = start();
  client.open();
  const mad = { counter: COUNTER_REFUSED - 2n, coordinator: stamp.coordinator };
  client.ask(
    { number: 1, request: { kind: 'order', range, stamp, wants: 'nothing' } },
    { number: 2, request: { kind: 'store', range, stamp: mad, origin: mad, data: dataOf(9, 2) } },
  );
  pass(20);
  t.deepEqual(client.packs, []);
  t.true(client.calls.includes('destroy'));
  t.is(store.calls.length, 0);
  t.is(notes.durable.has('strict-active-0'), false);
  const other = new Client('other', clock);
  accept(other);
  other.open();
  other.ask({ number: 1, request: { kind: 'order', range, stamp, wants: 'nothing' } });
  pass(20);
  t.deepEqual(other.packs.flat()[0].answer, {
    kind: 'ordered',
    runs: [{ outcome: 'granted', count: 2, version: null, data: null }],
  });
});

test('a list is told to no client, and nothing else of the pack has an effect', (t) => {
  const { client, pass, store } = start();
  client.open();
  client.ask(
    { number: 1, request: { kind: 'list', range: { first: 0, count: 1 } } },
    { number: 2, request: { kind: 'store', range, stamp, origin: stamp, data: dataOf(9, 2) } },
  );
  pass(200);
  t.deepEqual(client.packs, []);
  t.is(store.calls.length, 0);
  client.ask({ number: 3, request: { kind: 'query', range, wantsData: false } });
  pass(20);
  t.is(client.packs.flat()[0].number, 3);
});

test('a process that does not vote answers nothing, and its clients do not fill it', (t) => {
  const { client, pass } = start('joining');
  client.open();
  for (let number = 0; number < 3_000; number += 1) {
    client.ask({ number, request: { kind: 'query', range, wantsData: true } });
  }
  pass(50);
  t.deepEqual(client.packs, []);
  t.false(client.calls.includes('pause') && !client.calls.includes('resume'));
});

test('a connection with too much under way is not read from', (t) => {
  const { client, pass } = start();
  client.open();
  const wide = { first: 0, count: 100 };
  for (let number = 0; number < 60; number += 1) {
    client.ask({ number, request: { kind: 'query', range: wide, wantsData: true } });
  }
  t.true(client.calls.includes('pause'), 'more than 8 MiB are asked for');
  pass(200);
  t.is(client.packs.flat().length, 60);
  t.true(client.calls.includes('resume'));
});

test('an orderly stop says so to the next start', (t) => {
  const { client, pass, notes, running } = start();
  client.open();
  client.ask({ number: 1, request: { kind: 'order', range, stamp, wants: 'nothing' } });
  pass(20);
  let isClosed = false;
  running.close().subscribe({ complete: () => (isClosed = true) });
  pass(100);
  t.true(isClosed);
  t.is(Buffer.from(notes.durable.get('strict-stopped') ?? []).toString(), '{"promised":[0]}');
});
