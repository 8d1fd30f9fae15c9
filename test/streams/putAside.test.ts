import test from 'ava';
import { tap } from 'rxjs';
import { putAside } from '../../streams/putAside.js';
import { marbles } from '../helpers/marbles.js';

test('what comes too early goes on, in order, when it is due', marbles, (helpers) => {
  const { cold, hot, expectObservable } = helpers;
  let isOver = false;
  const due$ = hot('       -------d-----').pipe(tap(() => (isOver = true)));
  const isEarly = (value: string): boolean => !isOver && value !== 'a';
  const value$ = cold('    -e-a-f-----g-|');
  const expected = '       ---a---(ef)g-|';
  expectObservable(value$.pipe(putAside({ isEarly, due$ }))).toBe(expected);
});

test('the end of the source drops what is put aside; errors are passed on', marbles, (helpers) => {
  const { cold, expectObservable, expectSubscriptions } = helpers;
  const isEarly = (): boolean => true;
  const due$ = cold('                                        -------');
  expectObservable(cold('-e--|').pipe(putAside({ isEarly, due$ }))).toBe('----|');
  expectObservable(cold('-e--#').pipe(putAside({ isEarly, due$ }))).toBe('----#');
  expectObservable(cold('-e---').pipe(putAside({ isEarly, due$: cold('--#') }))).toBe('--#');
  const value$ = cold('-e------');
  expectObservable(value$.pipe(putAside({ isEarly, due$ })), '---!').toBe('----');
  expectSubscriptions(value$.subscriptions).toBe('^--!');
});

test('nothing, and for ever', marbles, ({ cold, expectObservable }) => {
  for (const source of ['--|', '---']) {
    const result$ = cold(source).pipe(putAside({ isEarly: () => false, due$: cold('---') }));
    expectObservable(result$).toBe(source);
  }
});
