import test from 'ava';
import { stopRequests } from '../../src/serve/stopRequests.js';
import { marbles } from '../helpers/marbles.js';

const requests = { t: 'terminate', k: 'kill' };

test('no signal, no request', marbles, ({ hot, expectObservable }, scheduler) => {
  const signals$ = hot('-----');
  expectObservable(stopRequests({ signals$, patienceMs: 9, scheduler }), '^ 2s !').toBe('-');
});

test('kills when patience has run out', marbles, ({ hot, expectObservable }, scheduler) => {
  const signals$ = hot('  --a');
  const expected = '      --t 999ms (k|)';
  expectObservable(stopRequests({ signals$, patienceMs: 1_000, scheduler })).toBe(expected, requests);
});

test('one key press that arrives twice is one', marbles, ({ hot, expectObservable }, scheduler) => {
  const signals$ = hot('  --(aa)-a 400ms a');
  const expected = '      --t 999ms (k|)';
  expectObservable(stopRequests({ signals$, patienceMs: 1_000, scheduler })).toBe(expected, requests);
});

test('the second signal kills at once', marbles, ({ hot, expectObservable }, scheduler) => {
  const signals$ = hot('  --a 599ms b');
  const expected = '      --t 599ms (k|)';
  expectObservable(stopRequests({ signals$, patienceMs: 9_000, scheduler })).toBe(expected, requests);
});

test('an error of the signals is passed on', marbles, ({ cold, expectObservable }, scheduler) => {
  const signals$ = cold('-#');
  expectObservable(stopRequests({ signals$, patienceMs: 9, scheduler })).toBe('-#');
});

test('unsubscribing lets go of the signals', marbles, ({ hot, expectObservable, expectSubscriptions }, scheduler) => {
  const signals$ = hot('  -a');
  expectObservable(stopRequests({ signals$, patienceMs: 9, scheduler }), '^--!').toBe('-t', requests);
  // Once for the first signal, once for a second one.
  expectSubscriptions(signals$.subscriptions).toBe(['^!', '-^-!']);
});
