import test from 'ava';
import { delayByKey } from '../../streams/delayByKey.js';
import { marbles } from '../helpers/marbles.js';

const keyOf = (letter: string): string => letter.toLowerCase();

test('one at a time of each key', marbles, ({ cold, expectObservable }, clock) => {
  const source$ = cold('   -a-a-----a----|');
  const expected = '       ---a-------a--|';
  // The second comes in the very millisecond in which the first leaves, and is dropped.
  expectObservable(source$.pipe(delayByKey({ delayMs: 2, clock, keyOf }))).toBe(expected);
});

test('keys do not wait for each other', marbles, ({ cold, expectObservable }, clock) => {
  const source$ = cold('-abA---|').pipe(delayByKey({ delayMs: 3, clock, keyOf }));
  expectObservable(source$).toBe('----ab-|');
});

test('the end waits, an error does not', marbles, ({ cold, expectObservable }, clock) => {
  const options = { delayMs: 3, clock, keyOf };
  expectObservable(cold('-a|').pipe(delayByKey(options))).toBe('----(a|)');
  expectObservable(cold('-a#').pipe(delayByKey(options))).toBe('--#');
});

test('nothing, for ever, and letting go', marbles, (helpers, clock) => {
  const { cold, expectObservable, expectSubscriptions } = helpers;
  const options = { delayMs: 3, clock, keyOf };
  expectObservable(cold('--|').pipe(delayByKey(options))).toBe('--|');
  expectObservable(cold('---').pipe(delayByKey(options))).toBe('---');
  const source$ = cold('-a---');
  expectObservable(source$.pipe(delayByKey(options)), '--!').toBe('--');
  expectSubscriptions(source$.subscriptions).toBe('^-!');
});
