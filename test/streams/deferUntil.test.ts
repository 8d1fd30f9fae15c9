import test from 'ava';
import { tap } from 'rxjs';
import { deferUntil } from '../../streams/deferUntil.js';
import { marbles } from '../helpers/marbles.js';

const endsWaitOf = (value: string): string | null => (value === 'F' ? 'f' : null);
const always = (value: string): string => value;

test('what comes too early goes on, in order, when it is due', marbles, (helpers) => {
  const { cold, hot, expectObservable } = helpers;
  let isOver = false;
  const earlyName = (value: string): string | null => (isOver || value === 'a' ? null : value);
  const value$ = cold('    -e-a-f-----g-|');
  const due$ = hot('       -------d------').pipe(tap(() => (isOver = true)));
  const expected = '       ---a---(ef)g-|';
  expectObservable(value$.pipe(deferUntil({ earlyName, due$, endsWaitOf }))).toBe(expected);
});

test('what must wait no longer goes on before the value that says so, once', marbles, (helpers) => {
  const { cold, hot, expectObservable } = helpers;
  const earlyName = (value: string): string | null => ('ef'.includes(value) ? value : null);
  const due$ = hot('       -----------d----');
  const value$ = cold('    -e-f-a-F-----F-|');
  const expected = '       -----a-(fF)e-F-|';
  expectObservable(value$.pipe(deferUntil({ earlyName, due$, endsWaitOf }))).toBe(expected);
});

test('the end of the source drops what is put aside; errors are passed on', marbles, (helpers) => {
  const { cold, expectObservable, expectSubscriptions } = helpers;
  const options = { earlyName: always, endsWaitOf, due$: cold('-------') };
  expectObservable(cold('-e--|').pipe(deferUntil(options))).toBe('----|');
  expectObservable(cold('-e--#').pipe(deferUntil(options))).toBe('----#');
  expectObservable(cold('-e---').pipe(deferUntil({ ...options, due$: cold('--#') }))).toBe('--#');
  const value$ = cold('-e------');
  expectObservable(value$.pipe(deferUntil(options)), '---!').toBe('----');
  expectSubscriptions(value$.subscriptions).toBe('^--!');
});

test('nothing, and for ever', marbles, ({ cold, expectObservable }) => {
  for (const source of ['--|', '---']) {
    const options = { earlyName: () => null, endsWaitOf, due$: cold('---') };
    const result$ = cold(source).pipe(deferUntil(options));
    expectObservable(result$).toBe(source);
  }
});
