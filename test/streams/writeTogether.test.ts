import test from 'ava';
import type { SchedulerLike } from 'rxjs';
import { map } from 'rxjs';
import type { RunHelpers } from 'rxjs/testing';
import { TestScheduler } from 'rxjs/testing';
import type { Outgoing } from '../../streams/writeTogether.js';
import { writeTogether } from '../../streams/writeTogether.js';
import { FakeConnection } from '../helpers/fakeConnection.js';
import { nameOf, named } from './make.js';

const one = new FakeConnection('one');
const two = new FakeConnection('two');
const outgoing: Record<string, Outgoing> = {
  a: { connection: one, content: named('a') },
  b: { connection: one, content: named('b') },
  z: { connection: two, content: named('z') },
  e: { connection: one, content: null },
};

/** Turns last one frame here: the end of a turn is the next frame. */
const turnTest = test.macro((t, body: (helpers: RunHelpers, turn: SchedulerLike) => void) => {
  const scheduler = new TestScheduler((actual, expected) => {
    t.deepEqual(actual, expected);
  });
  const turn: SchedulerLike = {
    now: () => scheduler.now(),
    schedule: (work: Parameters<SchedulerLike['schedule']>[0]) => scheduler.schedule(work, 1),
  };
  scheduler.run((helpers) => {
    body(helpers, turn);
  });
});

const described = () =>
  map(
    ({
      connection,
      chunks,
      isLast,
    }: {
      connection: { remote: string };
      chunks: readonly Uint8Array[];
      isLast: boolean;
    }) => `${connection.remote}:${chunks.map(nameOf).join('')}${isLast ? '.' : ''}`,
  );

test('what one turn sends goes out at its end, in order, by connection', turnTest, (h, turn) => {
  const batch$ = h.cold('   -(aza)--b-|', outgoing).pipe(writeTogether(turn), described());
  const expected = '        --(xy)---w|';
  h.expectObservable(batch$).toBe(expected, { x: 'one:aa', y: 'two:z', w: 'one:b' });
});

test('the end of a connection comes after what was sent before', turnTest, (h, turn) => {
  const batch$ = h.cold('   -(ae)-|', outgoing).pipe(writeTogether(turn), described());
  h.expectObservable(batch$).toBe('--x---|', { x: 'one:a.' });
});

test('the end of the source hands on what was gathered', turnTest, (h, turn) => {
  const batch$ = h.cold('   -(ab|)', outgoing).pipe(writeTogether(turn), described());
  h.expectObservable(batch$).toBe('-(x|)', { x: 'one:ab' });
});

test('an error is passed on at once', turnTest, (h, turn) => {
  h.expectObservable(h.cold('-(a#)', outgoing).pipe(writeTogether(turn))).toBe('-#');
});

test('unsubscribing drops what was gathered', turnTest, (h, turn) => {
  const source$ = h.cold('-a----', outgoing);
  h.expectObservable(source$.pipe(writeTogether(turn)), '-!').toBe('-');
  h.expectSubscriptions(source$.subscriptions).toBe('^!');
});

test('nothing, and for ever', turnTest, (h, turn) => {
  for (const source of ['--|', '---']) {
    h.expectObservable(h.cold<Outgoing>(source).pipe(writeTogether(turn))).toBe(source);
  }
});
