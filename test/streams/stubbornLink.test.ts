import test from 'ava';
import type { Observable } from 'rxjs';
import { NEVER, concat, defer, ignoreElements, map, of, takeUntil } from 'rxjs';
import type { RunHelpers } from 'rxjs/testing';
import { TestScheduler } from 'rxjs/testing';
import type { Outbox } from '../../src/core/link/outbox.js';
import { newOutbox } from '../../src/core/link/outbox.js';
import type { Connection } from '../../src/ports/connection.js';
import type { LinkCommand, StubbornLinkOptions } from '../../streams/stubbornLink.js';
import { stubbornLink } from '../../streams/stubbornLink.js';
import type { Outgoing, Sendable } from '../../streams/writeTogether.js';
import { FakeConnection } from '../helpers/fakeConnection.js';
import { nameOf, named } from './make.js';

type Links = RunHelpers & {
  /** What a link sends, by name; over which connections, and what else is unusual about it. */
  readonly sentBy: (
    command$: Observable<LinkCommand>,
    connection$: Observable<Connection | null>,
    unusual?: Partial<StubbornLinkOptions>,
  ) => Observable<string>;
};

/** At most 4 ms until the first repetition and 8 until the others; 10 bytes make a connection wait. */
const linkTest = test.macro((t, body: (helpers: Links) => void) => {
  const clock = new TestScheduler((actual, expected) => {
    t.deepEqual(actual, expected);
  });
  const newBox = (): Outbox<Sendable> => newOutbox({ retransmitMs: 4, retransmitMsMax: 8, repliesMax: 2 });
  const usual = { clock, bufferBytes: 10, silentMs: 1000, lastReceivedMs: () => 0 };
  clock.run((helpers) => {
    const sentBy: Links['sentBy'] = (command$, connection$, unusual = {}) =>
      command$.pipe(
        stubbornLink({ ...usual, outbox: newBox(), connection$, ...unusual }),
        map(({ content }: Outgoing) => nameOf(content instanceof Uint8Array ? content : named('end'))),
      );
    body({ ...helpers, sentBy });
  });
});

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
const C = new FakeConnection('up');

test('a question goes out at once, and again until it is retired', linkTest, ({ cold, expectObservable, sentBy }) => {
  // Due 4 after it was sent, then 8 after that; looked for every 2.
  const command$ = cold('   -q---------------r----', commands);
  const connection$ = cold('C---------------------', { C });
  const sent = '            -q---q-------q--------';
  expectObservable(sentBy(command$, connection$), '22ms !').toBe(sent);
});

test('a question waits for a connection, and goes out again on each new one', linkTest, (h) => {
  const command$ = h.cold('   -q------------', commands);
  const connection$ = h.cold('---C--N--D----', { C, N: null, D: new FakeConnection('another') });
  const sent = '              ---q-----q----';
  h.expectObservable(h.sentBy(command$, connection$), '12ms !').toBe(sent);
});

test('a WRITE_PROC takes the place of its READ_PROC', linkTest, (h) => {
  const command$ = h.cold('   -qw--', commands);
  const connection$ = h.cold('---C-', { C });
  h.expectObservable(h.sentBy(command$, connection$), '5ms !').toBe('---w-');
});

test('a reply goes out once; without a connection the newest few wait', linkTest, (h) => {
  const command$ = h.cold('   -abc-----a--------', commands);
  const connection$ = h.cold('-----C------------', { C });
  const sent = '              -----(bc)a--------';
  h.expectObservable(h.sentBy(command$, connection$), '18ms !').toBe(sent);
});

test('a reply to a peer that sends receipts is repeated until its receipt', linkTest, (h) => {
  const command$ = h.cold('   -xa------y------', commands);
  const connection$ = h.cold('C---------------', { C });
  const sent = '              --a---a---------';
  h.expectObservable(h.sentBy(command$, connection$), '16ms !').toBe(sent);
});

test('a connection that takes nothing is given nothing until it has', linkTest, (h) => {
  const slow = new FakeConnection('slow');
  slow.bufferedBytes = 11;
  h.cold('                    -----d').subscribe(() => {
    slow.drain();
  });
  const command$ = h.cold('   -q-a-----', commands);
  const connection$ = h.cold('C--------', { C: slow });
  const sent = '              -----(qa)';
  h.expectObservable(h.sentBy(command$, connection$), '8ms !').toBe(sent);
});

test('a connection without any answer is dropped; one with answers is not', linkTest, (h) => {
  // Asked at 1; nothing by 13; looked for every 2.
  const wasDropped = (source: string, lastReceivedMs: number): Observable<boolean> => {
    const connection = new FakeConnection('up');
    const connection$ = h.cold('C---', { C: connection });
    const unusual = { silentMs: 12, lastReceivedMs: () => lastReceivedMs };
    const sent$ = h.sentBy(h.cold(source, commands), connection$, unusual).pipe(takeUntil(h.cold('20ms x')));
    return concat(
      sent$.pipe(ignoreElements()),
      defer(() => of(connection.calls.includes('destroy'))),
    );
  };
  const expected = '20ms (x|)';
  h.expectObservable(wasDropped('-q---------', 0)).toBe(expected, { x: true });
  h.expectObservable(wasDropped('-q---------', 9)).toBe(expected, { x: false });
  // No question was open for so long.
  h.expectObservable(wasDropped('-q------r-q------r--', 0)).toBe(expected, { x: false });
});

test('ends with its source; errors are passed on; unsubscribing lets go', linkTest, (h) => {
  h.expectObservable(h.sentBy(h.cold('--|'), NEVER)).toBe('--|');
  h.expectObservable(h.sentBy(h.cold('--#'), NEVER)).toBe('--#');
  h.expectObservable(h.sentBy(h.cold('--|'), h.cold('-#'))).toBe('-#');
  const command$ = h.cold<LinkCommand>('----');
  const connection$ = h.cold<null>('----');
  h.expectObservable(h.sentBy(command$, connection$), '--!').toBe('--');
  h.expectSubscriptions(command$.subscriptions).toBe('^-!');
  h.expectSubscriptions(connection$.subscriptions).toBe('^-!');
});
