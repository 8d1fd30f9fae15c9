import test from 'ava';
import type { Observable } from 'rxjs';
import { Subject, concat, of, timer } from 'rxjs';
import { ignoreElements, map } from 'rxjs';
import { serializeByKey } from '../../streams/serializeByKey.js';
import { marbles } from '../helpers/marbles.js';

/** The key of a letter, whichever its case. */
const keyOf = (letter: string): number => letter.toLowerCase().charCodeAt(0);

test('one at a time for each key, keys side by side', marbles, ({ cold, expectObservable }) => {
  const value$ = cold('     -a-A--b-----|');
  const handle = (letter: string) => cold('--x|').pipe(map(() => letter));
  const expected = '        ---a--A-b---|';
  expectObservable(value$.pipe(serializeByKey({ keyOf, handle }))).toBe(expected);
});

test('handled at once when nothing takes time', marbles, ({ cold, expectObservable }) => {
  const result$ = cold('-a-(aA)-|').pipe(serializeByKey({ keyOf, handle: (x) => [x] }));
  expectObservable(result$).toBe('-a-(aA)-|');
});

test('a key that was idle is used again', marbles, ({ cold, expectObservable }) => {
  const value$ = cold('     -a-----a-----|');
  const expected = '        ---a-----a---|';
  const handle = (letter: string) => cold('--x|').pipe(map(() => letter));
  expectObservable(value$.pipe(serializeByKey({ keyOf, handle }))).toBe(expected);
});

test('the end of the source waits for what is being handled', marbles, (helpers) => {
  const { cold, expectObservable } = helpers;
  const handle = (letter: string) => cold('----x|').pipe(map(() => letter));
  expectObservable(cold('-a|').pipe(serializeByKey({ keyOf, handle }))).toBe('-----a|');
});

test('an error of the source, of a result, or thrown ends everything', marbles, (helpers) => {
  const { cold, expectObservable } = helpers;
  const slow = (letter: string) => cold('---x|').pipe(map(() => letter));
  expectObservable(cold('-a-#').pipe(serializeByKey({ keyOf, handle: slow }))).toBe('---#');
  const failing = (letter: string) => (letter === 'b' ? cold('-#') : cold('---x|'));
  expectObservable(cold('-ab--|').pipe(serializeByKey({ keyOf, handle: failing }))).toBe('---#');
  const throwing = (): Observable<string> => {
    throw new Error('broken');
  };
  const thrown$ = cold('--a-|').pipe(serializeByKey({ keyOf, handle: throwing }));
  expectObservable(thrown$).toBe('--#', undefined, new Error('broken'));
});

test('unsubscribing ends what is being handled', marbles, (helpers) => {
  const { cold, expectObservable, expectSubscriptions } = helpers;
  const work$ = cold('      ------x|');
  const value$ = cold('     -a-------|');
  const result$ = value$.pipe(serializeByKey({ keyOf, handle: () => work$ }));
  expectObservable(result$, '---!').toBe('---');
  expectSubscriptions(work$.subscriptions).toBe('-^-!');
  expectSubscriptions(value$.subscriptions).toBe('^--!');
});

test('nothing, and for ever', marbles, ({ cold, expectObservable }) => {
  for (const source of ['--|', '---']) {
    expectObservable(cold(source).pipe(serializeByKey({ keyOf, handle: (x) => of(x) }))).toBe(source);
  }
});

test('at most one handler a key, in order, whatever comes (20,000 random events)', async (t) => {
  const value$ = new Subject<{ key: number; n: number }>();
  const busy = new Set<number>();
  const seen = new Map<number, number>();
  let handled = 0;
  const done = new Promise<void>((resolve) => {
    value$
      .pipe(
        serializeByKey({
          keyOf: ({ key }) => key,
          handle: ({ key, n }) => {
            if (busy.has(key)) t.fail('two handlers of one key at once');
            if ((seen.get(key) ?? -1) >= n) t.fail('out of order');
            busy.add(key);
            seen.set(key, n);
            const free$ = of(null).pipe(map(() => busy.delete(key)));
            return n % 3 === 0 ? free$ : concat(timer(0).pipe(ignoreElements()), free$);
          },
        }),
      )
      .subscribe({
        next: () => (handled += 1),
        complete: resolve,
      });
  });
  for (let n = 0; n < 20_000; n += 1) value$.next({ key: (n * 7919) % 50, n });
  value$.complete();
  await done;
  t.is(handled, 20_000);
});

test('a long queue does not overflow the stack', (t) => {
  const first = new Subject<number>();
  const value$ = new Subject<number>();
  const results: number[] = [];
  const handle = (value: number) => (value === 0 ? first : [value]);
  value$.pipe(serializeByKey({ keyOf: () => 1, handle })).subscribe((result) => {
    results.push(result);
  });
  for (let value = 0; value <= 50_000; value += 1) value$.next(value);
  t.deepEqual(results, []);
  first.complete();
  t.is(results.length, 50_000);
  t.is(results.at(-1), 50_000);
});
