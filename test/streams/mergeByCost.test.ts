import test from 'ava';
import type { Observable } from 'rxjs';
import { NEVER, concat, finalize, of, range, tap, throwError, toArray } from 'rxjs';
import { mergeByCost } from '../../streams/mergeByCost.js';
import { marbles } from '../helpers/marbles.js';

/** Capital letters cost two, others one; two may be under way. */
function byCost(handle: (value: string) => Observable<string>, opened$: Observable<unknown> = NEVER) {
  return mergeByCost<string, string>({
    costOf: (value) => (value === value.toUpperCase() ? 2 : 1),
    costMax: 2,
    isOpen: () => true,
    opened$,
    handle,
  });
}

test('as many as the costs allow, the rest in order', marbles, ({ cold, expectObservable }) => {
  const source$ = cold('-(abcd)------|');
  const handle = (value: string) => cold('----(x|)', { x: value });
  expectObservable(source$.pipe(byCost(handle))).toBe('-----(ab)(cd)|');
});

test('a dear one waits until it has the room for itself', marbles, ({ cold, expectObservable }) => {
  const source$ = cold('-(aBc)------|');
  const handle = (value: string) => cold('---(x|)', { x: value });
  expectObservable(source$.pipe(byCost(handle))).toBe('----a--B--c-|');
});

test('one that costs more than there is at all is handled alone', marbles, (h) => {
  const merged = mergeByCost<string, string>({
    costOf: () => 9,
    costMax: 2,
    isOpen: () => true,
    opened$: NEVER,
    handle: (value) => h.cold('--(x|)', { x: value }),
  });
  h.expectObservable(h.cold('-(ab|)').pipe(merged)).toBe('---a-(b|)');
});

test('nothing is begun while it is closed', marbles, ({ cold, expectObservable }) => {
  let isOpen = false;
  const opened$ = cold('----o---').pipe(
    tap(() => {
      isOpen = true;
    }),
  );
  const merged = mergeByCost<string, string>({
    costOf: () => 1,
    costMax: 2,
    isOpen: () => isOpen,
    opened$,
    handle: (value) => of(value),
  });
  expectObservable(cold('-ab-----c|').pipe(merged)).toBe('----(ab)c|');
});

test('empty, never, and the end waits for what was begun', marbles, ({ cold, expectObservable }) => {
  const handle = (value: string) => cold('---(x|)', { x: value });
  expectObservable(cold('--|').pipe(byCost(handle))).toBe('--|');
  expectObservable(cold('---').pipe(byCost(handle))).toBe('---');
  expectObservable(cold('a|').pipe(byCost(handle))).toBe('---(a|)');
});

test('errors of the source, of handling and of opened$ end all', marbles, (h) => {
  h.expectObservable(h.cold('-a-#').pipe(byCost(() => h.cold('-x---')))).toBe('--x#');
  h.expectObservable(h.cold('-a---').pipe(byCost(() => h.cold('--#')))).toBe('---#');
  const opened$ = h.cold('--#');
  h.expectObservable(h.cold('-a---').pipe(byCost(() => NEVER, opened$))).toBe('--#');
});

test('a handler that throws is an error', marbles, ({ cold, expectObservable }) => {
  const handle = (): Observable<string> => throwError(() => new Error('failed'));
  expectObservable(cold('-a-').pipe(byCost(handle))).toBe('-#', {}, new Error('failed'));
});

test('unsubscribing ends what is being handled', marbles, (h) => {
  const inner$ = h.cold('----x');
  const source$ = h.cold('-a---');
  h.expectObservable(source$.pipe(byCost(() => inner$)), '---!').toBe('----');
  h.expectSubscriptions(source$.subscriptions).toBe('^--!');
  h.expectSubscriptions(inner$.subscriptions).toBe('-^-!');
});

test('what came last is ended first: nothing is let in by the end of what it waits for', (t) => {
  const ended: string[] = [];
  const handle = (value: string) => NEVER.pipe(finalize(() => ended.push(value)));
  const merged = byCost(handle)(concat(of('a', 'b'), NEVER)).subscribe();
  merged.unsubscribe();
  t.deepEqual(ended, ['b', 'a']);
});

test('very many that complete at once do not nest', (t) => {
  const merged = mergeByCost<number, number>({
    costOf: () => 1,
    costMax: 1,
    isOpen: () => true,
    opened$: NEVER,
    handle: (value) => of(value),
  });
  const seen: number[][] = [];
  range(0, 100_000)
    .pipe(merged, toArray())
    .subscribe((values) => seen.push(values));
  t.is(seen[0].length, 100_000);
});
