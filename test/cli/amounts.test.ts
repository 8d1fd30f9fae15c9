import test from 'ava';
import { decimalNumber, describeBytes, describeSeconds, secondsAsMs, wholeNumber } from '../../src/cli/amounts.js';

test('whole numbers are digits within their bounds', (t) => {
  const parse = wholeNumber(1, 300);
  t.deepEqual(['1', '300', '007'].map(parse), [1, 300, 7]);
  for (const text of ['', '0', '301', '-1', '1.5', '1e2', ' 1', '0x10', 'seven']) {
    t.throws(() => parse(text), { code: 'commander.invalidArgument' }, text);
  }
  t.throws(() => parse('0'), { message: 'It has to be a whole number, from 1 to 300.' });
});

test('other numbers lie within their bounds too', (t) => {
  t.deepEqual(['0', '0.7', '1', '1e-3'].map(decimalNumber(0, 1)), [0, 0.7, 1, 0.001]);
  for (const text of ['', ' ', '-0.1', '1.01', 'NaN', 'all']) {
    t.throws(() => decimalNumber(0, 1)(text), { code: 'commander.invalidArgument' }, text);
  }
});

test('seconds become milliseconds that a timer takes', (t) => {
  t.deepEqual(['2', '0.5', '0.001'].map(secondsAsMs), [2_000, 500, 1]);
  t.throws(() => secondsAsMs('0'));
  t.throws(() => secondsAsMs('9e9'));
});

test('amounts are written for people', (t) => {
  t.deepEqual([0, 1_023, 1_536, 64 * 2 ** 20, 2 ** 60].map(describeBytes), [
    '0 B',
    '1023 B',
    '1.5 KiB',
    '64.0 MiB',
    '1024.0 PiB',
  ]);
  t.deepEqual([0.04, 9.99, 12.4, 75, 3_725, Infinity].map(describeSeconds), [
    '0.0 s',
    '10.0 s',
    '12 s',
    '1 min 15 s',
    '1 h 2 min',
    'unknown',
  ]);
});
