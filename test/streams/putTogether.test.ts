import test from 'ava';
import type { Observable } from 'rxjs';
import { mergeMap } from 'rxjs';
import type { PutOutcome } from '../../src/ports/store.js';
import type { RangePut } from '../../src/ports/strictStore.js';
import { putTogether } from '../../streams/putTogether.js';
import { marbles } from '../helpers/marbles.js';
import { strictStamp } from './strictFakes.js';

const putOf = (letter: string): RangePut => ({
  range: { first: letter.charCodeAt(0), count: 1 },
  stamp: strictStamp(1),
  origin: strictStamp(1),
  data: 'zeros',
});

/** A store that takes as long as its marbles, and notes what it was given. */
const storeOf = (outcome$: Observable<PutOutcome>) => {
  const calls: string[] = [];
  const putRanges = (puts: readonly RangePut[]) => {
    calls.push(puts.map(({ range }) => String.fromCharCode(range.first)).join(''));
    return outcome$;
  };
  return { calls, putRanges };
};

test('the puts of a turn are one call, and share its outcome', marbles, ({ cold, expectObservable, flush }, clock) => {
  const letter$ = cold('     -(ab)----c-----|');
  const outcome$ = cold('    ---(s|)', { s: 'stored' as const });
  const expected = '         ----(ss)----s--|';
  const store = storeOf(outcome$);
  const put = putTogether(store, clock);
  expectObservable(letter$.pipe(mergeMap((letter) => put([putOf(letter)])))).toBe(expected, { s: 'stored' });
  flush();
  if (store.calls.join() !== 'ab,c') throw new Error(store.calls.join());
});

test('puts that come during a call are another call', marbles, ({ cold, expectObservable, flush }, clock) => {
  const store = storeOf(cold('---(f|)', { f: 'full' as const }));
  const put = putTogether(store, clock);
  const result$ = cold('-a-b----|').pipe(mergeMap((letter) => put([putOf(letter), putOf(letter.toUpperCase())])));
  expectObservable(result$).toBe('----f-f-|', { f: 'full' });
  flush();
  if (store.calls.join() !== 'aA,bB') throw new Error(store.calls.join());
});

test('an error goes to all puts of the call', marbles, ({ cold, expectObservable }, clock) => {
  const put = putTogether(storeOf(cold('--#')), clock);
  expectObservable(put([putOf('a')])).toBe('--#');
  expectObservable(put([putOf('b')])).toBe('--#');
});

test('puts that nobody waits for any more are not made', marbles, ({ cold, expectObservable, flush }, clock) => {
  const store = storeOf(cold('-(s|)', { s: 'stored' as const }));
  const put = putTogether(store, clock);
  put([putOf('a')])
    .subscribe()
    .unsubscribe();
  expectObservable(put([putOf('b')])).toBe('-(s|)', { s: 'stored' });
  flush();
  if (store.calls.join() !== 'b') throw new Error(store.calls.join());
});
