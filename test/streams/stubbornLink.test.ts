import test from 'ava';
import type { SchedulerLike } from 'rxjs';
import { NEVER, map } from 'rxjs';
import type { RunHelpers } from 'rxjs/testing';
import { TestScheduler } from 'rxjs/testing';
import { newOutbox } from '../../src/core/link/outbox.js';
import type { Connection } from '../../src/ports/connection.js';
import type { LinkCommand } from '../../streams/stubbornLink.js';
import { stubbornLink } from '../../streams/stubbornLink.js';
import type { Outgoing, Sendable } from '../../streams/writeTogether.js';
import { fakeConnection, nameOf, named } from './make.js';

const linkTest = test.macro((t, body: (helpers: RunHelpers, clock: SchedulerLike) => void) => {
  const scheduler = new TestScheduler((actual, expected) => {
    t.deepEqual(actual, expected);
  });
  scheduler.run((helpers) => {
    body(helpers, scheduler);
  });
});

const limits = { retransmitMs: 4, retransmitMsMax: 8, repliesMax: 2 };
const commands: Record<string, LinkCommand> = {
  q: { kind: 'question', id: 'q', message: named('q') },
  w: { kind: 'question', id: 'q', message: named('w') },
  r: { kind: 'retire', id: 'q' },
  a: { kind: 'reply', key: 'ack a', message: named('a') },
  b: { kind: 'reply', key: 'ack b', message: named('b') },
  c: { kind: 'reply', key: 'ack c', message: named('c') },
  x: { kind: 'receipt', key: 'ack x' },
  y: { kind: 'receipt', key: 'ack a' },
};
const patient = { silentMs: 1000, lastReceivedMs: () => 0 };
const sent = () => map(({ content }: Outgoing) => nameOf(content instanceof Uint8Array ? content : named('end')));

test('a question goes out at once, and again until it is retired', linkTest, (helpers, clock) => {
  const { cold, expectObservable } = helpers;
  const connection$ = cold('  C---------------------', { C: fakeConnection('up') });
  const command$ = cold('     -q---------------r----', commands);
  // Due 4 after it was sent, then 8 after that; looked for every 2.
  const expected = '          -q---q-------q--------';
  const link = stubbornLink({
    connection$,
    clock,
    outbox: newOutbox<Sendable>(limits),
    bufferBytes: 10,
    ...patient,
  });
  expectObservable(command$.pipe(link, sent()), '22ms !').toBe(expected);
});

test('a question waits for a connection, and goes out again on each new one', linkTest, (h, clock) => {
  const values = { C: fakeConnection('first'), N: null, D: fakeConnection('second') };
  const connection$ = h.cold<Connection | null>('---C--N--D----', values);
  const command$ = h.cold('                      -q------------', commands);
  const expected = '                             ---q-----q----';
  const link = stubbornLink({
    connection$,
    clock,
    outbox: newOutbox<Sendable>(limits),
    bufferBytes: 10,
    ...patient,
  });
  h.expectObservable(command$.pipe(link, sent()), '12ms !').toBe(expected);
});

test('a WRITE_PROC takes the place of its READ_PROC', linkTest, (h, clock) => {
  const connection$ = h.cold('---C-', { C: fakeConnection('up') });
  const command$ = h.cold('   -qw--', commands);
  const link = stubbornLink({
    connection$,
    clock,
    outbox: newOutbox<Sendable>(limits),
    bufferBytes: 10,
    ...patient,
  });
  h.expectObservable(command$.pipe(link, sent()), '5ms !').toBe('---w-');
});

test('a reply goes out once; without a connection the newest few wait', linkTest, (h, clock) => {
  const connection$ = h.cold('-----C------------', { C: fakeConnection('up') });
  const command$ = h.cold('   -abc-----a--------', commands);
  const expected = '          -----(bc)a--------';
  const link = stubbornLink({
    connection$,
    clock,
    outbox: newOutbox<Sendable>(limits),
    bufferBytes: 10,
    ...patient,
  });
  h.expectObservable(command$.pipe(link, sent()), '18ms !').toBe(expected);
});

test('a reply to a peer that sends receipts is repeated until its receipt', linkTest, (h, clock) => {
  const connection$ = h.cold('C---------------', { C: fakeConnection('up') });
  const command$ = h.cold('   -xa------y------', commands);
  const expected = '          --a---a---------';
  const link = stubbornLink({
    connection$,
    clock,
    outbox: newOutbox<Sendable>(limits),
    bufferBytes: 10,
    ...patient,
  });
  h.expectObservable(command$.pipe(link, sent()), '16ms !').toBe(expected);
});

test('a connection that takes nothing is given nothing until it has', linkTest, (h, clock) => {
  const slow = fakeConnection('slow');
  slow.bufferedBytes = 11;
  const connection$ = h.cold('C--------', { C: slow });
  const command$ = h.cold('   -q-a-----', commands);
  const expected = '          -----(qa)';
  h.cold('                    -----d').subscribe(() => {
    slow.bufferedBytes = 0;
    slow.drained$.next();
  });
  const link = stubbornLink({
    connection$,
    clock,
    outbox: newOutbox<Sendable>(limits),
    bufferBytes: 10,
    ...patient,
  });
  h.expectObservable(command$.pipe(link, sent()), '8ms !').toBe(expected);
});

test('a connection without any answer is dropped; one with answers is not', (t) => {
  const play = (source: string, lastReceivedMs: () => number): readonly string[] => {
    const connection = fakeConnection('up');
    const scheduler = new TestScheduler(() => undefined);
    scheduler.run(({ cold, expectObservable, flush }) => {
      const link = stubbornLink({
        connection$: cold('C---', { C: connection }),
        clock: scheduler,
        outbox: newOutbox<Sendable>(limits),
        bufferBytes: 10,
        silentMs: 12,
        lastReceivedMs,
      });
      expectObservable(cold(source, commands).pipe(link), '20ms !');
      flush();
    });
    return connection.calls;
  };
  // Asked at 1; nothing by 13; looked for every 2.
  t.deepEqual(play('-q---------', () => 0).slice(0, 1), ['destroy']);
  t.deepEqual(
    play('-q---------', () => 9),
    [],
  );
  t.deepEqual(
    play('-q------r-q------r--', () => 0),
    [],
    'no question was open for so long',
  );
});

test('ends with its source; errors are passed on; unsubscribing lets go', linkTest, (h, clock) => {
  const options = { clock, outbox: newOutbox<Sendable>(limits), bufferBytes: 10, ...patient };
  const none$ = NEVER;
  h.expectObservable(h.cold<LinkCommand>('--|').pipe(stubbornLink({ ...options, connection$: none$ }))).toBe('--|');
  h.expectObservable(h.cold<LinkCommand>('--#').pipe(stubbornLink({ ...options, connection$: none$ }))).toBe('--#');
  const broken$ = h.cold<null>('-#');
  h.expectObservable(h.cold<LinkCommand>('--|').pipe(stubbornLink({ ...options, connection$: broken$ }))).toBe('-#');
  const command$ = h.cold<LinkCommand>('----');
  const connection$ = h.cold<null>('----');
  h.expectObservable(command$.pipe(stubbornLink({ ...options, connection$ })), '--!').toBe('--');
  h.expectSubscriptions(command$.subscriptions).toBe('^-!');
  h.expectSubscriptions(connection$.subscriptions).toBe('^-!');
});
