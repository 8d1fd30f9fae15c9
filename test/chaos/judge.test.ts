import test from 'ava';
import type { Operation } from '../linearizability/history.js';
import { judge } from './judge.js';
import type { LostAttempt } from './libraryLoad.js';
import type { Death } from './tally.js';

const SECTOR = 100;
const RANK = 3;

/** `w a 1 2`: a write of "a" that was asked for at 1 and answered at 2. */
function history(...lines: readonly string[]): Operation[] {
  return lines.map((line) => {
    const [kind, value, invoke, end] = line.split(' ');
    return {
      client: kind === 'w' ? 'writer' : 'reader',
      sector: SECTOR,
      kind: kind === 'w' ? 'write' : 'read',
      value,
      invoke: Number(invoke),
      return: Number(end),
    };
  });
}

const lost = (value: string, sentAt: number): LostAttempt => ({
  sector: SECTOR,
  value,
  rank: RANK,
  attempt: 1,
  sentAt,
  lostAt: sentAt + 1,
});

/** One death of the process while each attempt of these tests was under way. */
const DEATHS: readonly Death[] = [2.5, 7.5].map((at) => ({ rank: RANK, at }));

const judged = (operations: readonly Operation[], attempts: readonly LostAttempt[]) =>
  judge(operations, attempts, DEATHS);

const BACK_AGAIN = history('w a 1 4', 'r a 5 6', 'w b 7 8', 'r b 9 10', 'r a 11 12', 'w c 13 14');

test('a linearizable history has nothing to be explained', (t) => {
  const verdict = judged(history('w a 1 2', 'r a 3 4', 'w b 5 6', 'r b 7 8'), [lost('a', 2)]);
  t.deepEqual(verdict, { violations: [], explained: [] });
});

test('a value that came back is explained by an attempt to write it that was lost', (t) => {
  const { violations, explained } = judged(BACK_AGAIN, [lost('a', 2)]);
  t.deepEqual(violations, []);
  t.is(explained.length, 1);
});

test('… also if what was overwritten was never answered, but read', (t) => {
  const operations = history('w a 1 4', 'r b 6 7', 'w b 5 20', 'r a 8 9');
  t.is(judged(operations, [lost('a', 2)]).explained.length, 1);
});

test('without such an attempt, or with one of another value or sector, it is a violation', (t) => {
  for (const attempts of [[], [lost('b', 7)], [{ ...lost('a', 2), sector: SECTOR + 1 }]]) {
    const { violations, explained } = judged(BACK_AGAIN, attempts);
    t.is(violations.length, 1);
    t.deepEqual(explained, []);
  }
});

test('an attempt that was lost without a death of its process explains nothing', (t) => {
  for (const deaths of [[], [{ rank: RANK, at: 1 }], [{ rank: RANK - 1, at: 2.5 }]]) {
    t.is(judge(BACK_AGAIN, [lost('a', 2)], deaths).violations.length, 1);
  }
});

test('a lost attempt takes effect once at most: coming back twice is a violation', (t) => {
  const twice = history('w a 1 4', 'w b 5 6', 'r a 7 8', 'r b 9 10', 'r a 11 12');
  t.is(judged(twice, [lost('a', 2)]).violations.length, 1);
});

test('what a later write has overwritten again stays a violation', (t) => {
  const late = [...BACK_AGAIN, ...history('r c 15 16', 'r a 17 18')];
  t.is(judged(late, [lost('a', 2)]).violations.length, 1);
});

test('a value that nobody wrote is never explained', (t) => {
  t.is(judged(history('w a 1 2', 'r x 3 4'), [lost('a', 2)]).violations.length, 1);
});
