import test from 'ava';
import { splitLines } from '../../src/launch/splitLines.js';
import { marbles } from '../helpers/marbles.js';

test('lines come whole, whatever the pieces', marbles, ({ cold, expectObservable }) => {
  const text$ = cold('  -a-b----c-|', { a: 'one\ntw', b: 'o\n\nthr', c: 'ee' });
  const expected = '    -1-(20)---(3|)';
  const lines = { 1: 'one', 2: 'two', 0: '', 3: 'three' };
  expectObservable(text$.pipe(splitLines(99))).toBe(expected, lines);
});

test('nothing is left after a last line end', marbles, ({ cold, expectObservable }) => {
  const text$ = cold('  a-|', { a: 'one\n' });
  expectObservable(text$.pipe(splitLines(99))).toBe('1-|', { 1: 'one' });
});

test('no text, no line', marbles, ({ cold, expectObservable }) => {
  expectObservable(cold('--|').pipe(splitLines(99))).toBe('--|');
});

test('what is too long is cut', marbles, ({ cold, expectObservable }) => {
  const text$ = cold('  a-----b-----c-|', { a: 'abcde\nf', b: 'ghi', c: 'jk\n' });
  const expected = '    (12)--(34)--5-|';
  const lines = { 1: 'abc', 2: 'de', 3: 'fgh', 4: 'i', 5: 'jk' };
  expectObservable(text$.pipe(splitLines(3))).toBe(expected, lines);
});

test('an error is passed on, the rest is dropped', marbles, ({ cold, expectObservable }) => {
  const text$ = cold('  a-#', { a: 'one\ntwo' });
  expectObservable(text$.pipe(splitLines(99))).toBe('1-#', { 1: 'one' });
});

test('two subscribers do not share what is left over', marbles, ({ cold, expectObservable }) => {
  const text$ = cold('  a-|', { a: 'x\ny' });
  const lines$ = text$.pipe(splitLines(99));
  expectObservable(lines$).toBe('1-(2|)', { 1: 'x', 2: 'y' });
  expectObservable(lines$).toBe('1-(2|)', { 1: 'x', 2: 'y' });
});
