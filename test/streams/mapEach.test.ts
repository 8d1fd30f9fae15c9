import test from 'ava';
import { mapEach } from '../../streams/mapEach.js';
import { marbles } from '../helpers/marbles.js';

const RESULTS: Readonly<Record<string, readonly string[]>> = { a: ['x', 'y'], b: [], c: ['z'] };
const project = (letter: string): readonly string[] => RESULTS[letter];

test('none, one and many results of a value', marbles, ({ cold, expectObservable }) => {
  const result$ = cold('    -a---b---c-|').pipe(mapEach(project));
  const expected = '        -(xy)----z-|';
  expectObservable(result$).toBe(expected);
});

test('an exception is an error', marbles, ({ cold, expectObservable }) => {
  const broken = (): readonly string[] => {
    throw new Error('broken');
  };
  const result$ = cold('-a-|').pipe(mapEach(broken));
  expectObservable(result$).toBe('-#', undefined, new Error('broken'));
});

test('unsubscribing lets go, also between the results of one value', marbles, (helpers) => {
  const { cold, expectObservable, expectSubscriptions } = helpers;
  const source$ = cold('-a---c-|');
  expectObservable(source$.pipe(mapEach(project)), '---!').toBe('-(xy)');
  expectSubscriptions(source$.subscriptions).toBe('^--!');
});

test('nothing, for ever, and an error', marbles, ({ cold, expectObservable }) => {
  for (const source of ['--|', '---', '--#']) {
    expectObservable(cold(source).pipe(mapEach(project))).toBe(source);
  }
});
