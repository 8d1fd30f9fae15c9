import test from 'ava';
import type { Observable } from 'rxjs';
import { EMPTY, NEVER, concat, defer, ignoreElements, timer } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { holdUntilReady } from '../../streams/holdUntilReady.js';
import { marbles } from '../helpers/marbles.js';

/** A value is ready when a `prepare` that it was given to has completed, if it is one of `preparable`. */
function readiness(prepare$: Observable<never>, preparable: () => string) {
  const ready = new Set('c');
  const calls: string[] = [];
  return {
    calls,
    isReady: (value: string) => ready.has(value),
    prepare: (waiting: readonly string[]) =>
      defer(() => {
        calls.push(waiting.join(''));
        const able = waiting.filter((value) => preparable().includes(value));
        return concat(
          prepare$,
          defer(() => {
            for (const value of able) ready.add(value);
            return EMPTY;
          }),
        );
      }),
  };
}

test('what is not ready waits until it was prepared, and what is ready overtakes it', marbles, (helpers, clock) => {
  const { cold, expectObservable } = helpers;
  const value$ = cold('     -a-b-c---|');
  const prepare$ = cold<never>('---|');
  const expected = '        -a---cb--|';
  const { isReady, prepare } = readiness(prepare$, () => 'b');
  const result$ = value$.pipe(
    holdUntilReady({ isReady: (x) => x === 'a' || isReady(x), prepare, wake$: NEVER, turn: clock }),
  );
  expectObservable(result$).toBe(expected);
});

test('the values of a turn are prepared together, later ones by the next call', marbles, (helpers, clock) => {
  const { cold, expectObservable, flush } = helpers;
  const held = readiness(cold('------|'), () => 'bde');
  const result$ = cold('-(bd)e---------|').pipe(holdUntilReady({ ...held, wake$: NEVER, turn: clock }));
  expectObservable(result$).toBe('-------(bd)--e-|');
  flush();
  if (held.calls.join() !== 'bd,e') throw new Error(held.calls.join());
});

test('what cannot be prepared waits until it is woken', marbles, (helpers, clock) => {
  const { cold, hot, expectObservable, flush } = helpers;
  let able = '';
  const held = readiness(cold('-|'), () => able);
  const wake$ = hot('-------w-----');
  const able$ = timer(6, clock);
  able$.subscribe(() => (able = 'b'));
  const result$ = cold('-b-c---------|').pipe(holdUntilReady({ ...held, wake$, turn: clock }));
  expectObservable(result$).toBe('---c----b----|');
  flush();
  if (held.calls.join() !== 'b,b') throw new Error(held.calls.join());
});

test('it is woken without any value as well, once a turn', marbles, (helpers, clock) => {
  const { cold, hot, expectObservable, flush } = helpers;
  const held = readiness(cold('-|'), () => '');
  const result$ = cold('-----------|').pipe(holdUntilReady({ ...held, wake$: hot('-(ww)--w---'), turn: clock }));
  expectObservable(result$).toBe('-----------|');
  flush();
  if (held.calls.join('+') !== '+') throw new Error(held.calls.join('+'));
});

test('the end of the source drops what waits; errors are passed on', marbles, (helpers, clock) => {
  const { cold, hot, expectObservable } = helpers;
  const over = (source: string, prepare$: Observable<never>, wake$: Observable<unknown> = NEVER) =>
    cold(source).pipe(holdUntilReady({ ...readiness(prepare$, () => 'b'), wake$, turn: clock }));
  expectObservable(over('-b-|', cold('-----|'))).toBe('---|');
  expectObservable(over('-b-#', cold('-----|'))).toBe('---#');
  expectObservable(over('-b----|', cold('--#'))).toBe('---#');
  expectObservable(over('-c----|', EMPTY, hot('---#'))).toBe('-c-#');
  expectObservable(over('--|', EMPTY)).toBe('--|');
});

test('unsubscribing ends the preparation and the turn', (t) => {
  const scheduler = new TestScheduler((actual, expected) => t.deepEqual(actual, expected));
  scheduler.run(({ cold, expectObservable, expectSubscriptions }) => {
    const prepare$ = cold<never>('------|');
    const held = readiness(prepare$.pipe(ignoreElements()), () => 'b');
    const value$ = cold('-b-------|');
    const result$ = value$.pipe(holdUntilReady({ ...held, wake$: NEVER, turn: scheduler }));
    expectObservable(result$, '---!').toBe('---');
    expectSubscriptions(prepare$.subscriptions).toBe('-^-!');
    expectSubscriptions(value$.subscriptions).toBe('^--!');
  });
});
