import test from 'ava';
import type { Observable } from 'rxjs';
import { concatMap, delay, filter, map, mergeMap, of, pipe } from 'rxjs';
import { withLoopback } from '../../streams/withLoopback.js';
import { marbles } from '../helpers/marbles.js';

const upper = map((letter: string) => letter.toUpperCase());
/** Of A, b and c are fed back. */
const loop = pipe(
  filter((letter: string) => letter === 'A'),
  mergeMap(() => ['b', 'c']),
);

test('what is fed back is handled next', marbles, ({ cold, expectObservable }) => {
  const result$ = cold('    -a-----d-|').pipe(withLoopback(upper, loop));
  const expected = '        -(ABC)-D-|';
  expectObservable(result$).toBe(expected);
});

test('first in, first out: nothing overtakes what was there', marbles, (helpers) => {
  const { cold, expectObservable } = helpers;
  // Both results of `a` come before what the first of them feeds back.
  const twice = mergeMap((letter: string) => (letter === 'a' ? ['A', 'Z'] : [letter]));
  expectObservable(cold('-a------|').pipe(withLoopback(twice, loop))).toBe('-(AZbc)-|');
});

test('a loop that takes time', marbles, ({ cold, expectObservable }) => {
  const later = pipe(loop, (letter$: Observable<string>) => letter$.pipe(delay(2)));
  expectObservable(cold('-a--------').pipe(withLoopback(upper, later))).toBe('-A-(BC)---');
});

test('a pipeline that takes time is waited for', marbles, ({ cold, expectObservable }) => {
  const slow = concatMap((letter: string) => of(letter.toUpperCase()).pipe(delay(3)));
  expectObservable(cold('-d|').pipe(withLoopback(slow, loop))).toBe('----(D|)');
});

test('errors of the source, the pipeline and the loop end it', marbles, (helpers) => {
  const { cold, expectObservable } = helpers;
  const broken = map((): string => {
    throw new Error('broken');
  });
  const error = new Error('broken');
  expectObservable(cold('-d-#').pipe(withLoopback(upper, loop))).toBe('-D-#');
  expectObservable(cold('-d-|').pipe(withLoopback(broken, loop))).toBe('-#', undefined, error);
  expectObservable(cold('-d-|').pipe(withLoopback(upper, broken))).toBe('-(D#)', undefined, error);
});

test('unsubscribing lets go of the source', marbles, (helpers) => {
  const { cold, expectObservable, expectSubscriptions } = helpers;
  const source$ = cold('-a----d-|');
  expectObservable(source$.pipe(withLoopback(upper, loop)), '-----!').toBe('-(ABC)');
  expectSubscriptions(source$.subscriptions).toBe('^----!');
});

test('nothing, and for ever', marbles, ({ cold, expectObservable }) => {
  for (const source of ['--|', '---']) {
    expectObservable(cold(source).pipe(withLoopback(upper, loop))).toBe(source);
  }
});
