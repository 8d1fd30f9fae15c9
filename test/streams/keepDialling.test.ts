import test from 'ava';
import type { Observable } from 'rxjs';
import { Subject, ignoreElements, map, merge } from 'rxjs';
import type { Connection } from '../../src/ports/connection.js';
import { keepDialling } from '../../streams/keepDialling.js';
import { FakeConnection } from '../helpers/fakeConnection.js';
import { marbles } from '../helpers/marbles.js';

/** Each attempt takes the next of these. */
function attempts(dials: readonly Observable<Connection>[]): () => Observable<Connection> {
  let count = 0;
  return () => dials[Math.min(count++, dials.length - 1)];
}

/** With a fraction of 1, delays are not shortened. */
const delays = { fraction: () => 1, reconnectMs: 4, reconnectMsMax: 10 };
const named = () => map((connection: Connection | null) => connection?.remote ?? 'none');

test('a connection that closes is told, and dialled again', marbles, (helpers, clock) => {
  const { cold, expectObservable } = helpers;
  const f = Object.assign(new FakeConnection('f'), {
    closed$: cold<never>('     ---|'),
  });
  const first$ = cold('       -f|', { f });
  const second$ = cold('             -s|', { s: new FakeConnection('s') });
  const expected = '          -f--n----s---------';
  const connection$ = keepDialling({ ...delays, dial: attempts([first$, second$]), clock }).pipe(named());
  expectObservable(connection$, '19ms !').toBe(expected, { f: 'f', n: 'none', s: 's' });
});

test('a failed attempt is repeated after ever longer delays', marbles, (helpers, clock) => {
  const { cold, expectObservable } = helpers;
  const up = new FakeConnection('up');
  const dial = attempts([cold('#'), cold('#'), cold('#'), cold('#'), cold('c|', { c: up })]);
  // Failures at 0, 4, 12, 22 (the delay has reached its limit of 10), then a connection at 32.
  const connection$ = keepDialling({ ...delays, dial, clock }).pipe(named());
  expectObservable(connection$, '40ms !').toBe('32ms u', { u: 'up' });
});

test('a connection that lived long starts the delays anew', marbles, (helpers, clock) => {
  const { cold, expectObservable } = helpers;
  const long = Object.assign(new FakeConnection('long'), { closed$: cold('11ms |') });
  const next = new FakeConnection('next');
  const dial = attempts([cold('#'), cold('#'), cold('l|', { l: long }), cold('n|', { n: next })]);
  const connection$ = keepDialling({ ...delays, dial, clock }).pipe(named());
  // Failures at 0 and 4, long from 12 to 23, then only the first delay again.
  const expected = '12ms l 10ms x 3ms n';
  const values = { l: 'long', x: 'none', n: 'next' };
  expectObservable(connection$, '30ms !').toBe(expected, values);
});

test('one that is closed at once is as good as a failure', marbles, (helpers, clock) => {
  const { cold, expectObservable } = helpers;
  const short = Object.assign(new FakeConnection('short'), { closed$: cold('|') });
  const dial = attempts([cold('(s|)', { s: short })]);
  const connection$ = keepDialling({ ...delays, dial, clock }).pipe(named());
  // At 0, 4, 12, 22: the delays grow to their limit of 10.
  const expected = '(sn)(sn) 4ms (sn) 6ms (sn)';
  expectObservable(connection$, '25ms !').toBe(expected, { s: 'short', n: 'none' });
});

test('delays are shortened at random, down to half', marbles, (helpers, clock) => {
  const { cold, expectObservable } = helpers;
  const up = new FakeConnection('up');
  const dial = attempts([cold('#'), cold('c|', { c: up })]);
  const connection$ = keepDialling({ ...delays, fraction: () => 0, dial, clock }).pipe(named());
  expectObservable(connection$, '6ms !').toBe('2ms u', { u: 'up' });
});

test('who is known to be there is dialled at once', marbles, (helpers, clock) => {
  const { cold, hot, expectObservable } = helpers;
  const up = new FakeConnection('up');
  const dial = attempts([cold('#'), cold('#'), cold('#'), cold('c|', { c: up })]);
  // Failures at 0, 4 and 12; without a hint the connection would be there at 22.
  const hurry$ = hot('  --------------h---h');
  const connection$ = keepDialling({ ...delays, dial, clock, hurry$ }).pipe(named());
  expectObservable(connection$, '40ms !').toBe('--------------u', { u: 'up' });
});

test('unsubscribing gives up the attempt under way', marbles, (helpers, clock) => {
  const { cold, expectObservable, expectSubscriptions } = helpers;
  const attempt$ = cold<Connection>('---------c');
  const connection$ = keepDialling({ ...delays, dial: () => attempt$, clock });
  expectObservable(connection$, '---!').toBe('---');
  expectSubscriptions(attempt$.subscriptions).toBe('^--!');
});

test('each attempt that failed is told of, a lost connection is not', marbles, (helpers, clock) => {
  const { cold, expectObservable } = helpers;
  const failures = new Subject<unknown>();
  const short = Object.assign(new FakeConnection('short'), { closed$: cold('--|') });
  const dial = attempts([cold('-#'), cold('-c|', { c: short }), cold('-#')]);
  const onFailure = (error: unknown): void => {
    failures.next(error);
  };
  const connection$ = keepDialling({ ...delays, dial, clock, onFailure }).pipe(ignoreElements());
  // 1: failed; 5: dialled, 6: there, 8: gone; 16: dialled, 17: failed.
  expectObservable(merge(failures, connection$), '20ms !').toBe('-e 15ms e', { e: 'error' });
});
