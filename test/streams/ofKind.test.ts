import test from 'ava';
import { ofKind } from '../../streams/ofKind.js';
import { marbles } from '../helpers/marbles.js';

type Either = { readonly kind: 'A'; readonly a: number } | { readonly kind: 'B' };
const values: Record<string, Either> = { a: { kind: 'A', a: 1 }, b: { kind: 'B' } };

test('lets one member of a union through', marbles, ({ cold, expectObservable }) => {
  expectObservable(cold('-a-b-a-|', values).pipe(ofKind('A'))).toBe('-a---a-|', values);
});

test('of the others only the end', marbles, ({ cold, expectObservable }) => {
  expectObservable(cold('-b-b-|', values).pipe(ofKind('A'))).toBe('-----|');
});

test('nothing, for ever, and an error', marbles, ({ cold, expectObservable }) => {
  for (const source of ['--|', '---', '--#']) {
    expectObservable(cold<Either>(source).pipe(ofKind('B'))).toBe(source);
  }
});
