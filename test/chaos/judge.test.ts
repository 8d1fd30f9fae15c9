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

/** The process dies in the middle of each attempt of these tests. */
const DEATHS: readonly Death[] = [1.5, 2.5, 3.5, 9.5].map((at) => ({ rank: RANK, at }));

const judged = (operations: readonly Operation[], attempts: readonly LostAttempt[]) =>
  judge(operations, attempts, DEATHS);

/** What the ADR tells of: a value was tried twice, then written, then another, and it is back. */
const BACK_AGAIN = history('w a 1 5', 'r a 5 6', 'w b 7 8', 'r b 8 9', 'r a 11 12', 'w c 13 14');
const TWICE = [lost('a', 1), lost('a', 2)];

test('a linearizable history has nothing to be explained', (t) => {
  const verdict = judged(history('w a 1 2', 'r a 3 4', 'w b 5 6', 'r b 7 8'), TWICE);
  t.deepEqual(verdict, { violations: [], explained: [] });
});

test('a value that came back is explained by attempts that were lost with their process', (t) => {
  const { violations, explained } = judged(BACK_AGAIN, TWICE);
  t.deepEqual(violations, []);
  t.is(explained.length, 1);
});

test('… also if what was overwritten was never answered, but read', (t) => {
  const operations = history('w a 1 5', 'r b 7 8', 'w b 6 20', 'r a 9 10');
  t.is(judged(operations, TWICE).explained.length, 1);
});

test('one such attempt explains nothing: its stamp is below that of the next write', (t) => {
  t.is(judged(BACK_AGAIN, [lost('a', 2)]).violations.length, 1);
});

test('two explain that it came back after one later write, three after two', (t) => {
  const later = history('w a 1 5', 'w b 6 7', 'w c 8 9', 'r a 10 11');
  t.is(judged(later, TWICE).violations.length, 1);
  t.is(judged(later, [...TWICE, lost('a', 3)]).explained.length, 1);
});

test('a write that was finished between two attempts takes the advantage of the first', (t) => {
  const apart = history('w x 0 8', 'w a 9 12', 'w b 13 14', 'r a 15 16');
  t.is(judged(apart, [lost('x', 1), lost('a', 9)]).violations.length, 1);
  const unfinished = history('w x 0 20', 'w a 9 12', 'w b 13 14', 'r a 15 16');
  t.is(judged(unfinished, [lost('x', 1), lost('a', 9)]).explained.length, 1);
});

test('attempts to write another value or sector explain nothing', (t) => {
  const others = [[], [lost('b', 1), lost('b', 2)], TWICE.map((attempt) => ({ ...attempt, sector: SECTOR + 1 }))];
  for (const attempts of others) {
    const { violations, explained } = judged(BACK_AGAIN, attempts);
    t.is(violations.length, 1);
    t.deepEqual(explained, []);
  }
});

test('attempts that were lost without a death of their process explain nothing', (t) => {
  for (const deaths of [[], [{ rank: RANK, at: 0.5 }], [{ rank: RANK - 1, at: 2.5 }]]) {
    t.is(judge(BACK_AGAIN, TWICE, deaths).violations.length, 1);
  }
});

test('a value comes back once at most: twice is a violation', (t) => {
  const twice = history('w a 1 5', 'w b 6 7', 'r a 8 9', 'r b 10 11', 'r a 12 13');
  t.is(judged(twice, TWICE).violations.length, 1);
});

test('what a later write has overwritten again stays a violation', (t) => {
  const late = [...BACK_AGAIN, ...history('r c 15 16', 'r a 17 18')];
  t.is(judged(late, TWICE).violations.length, 1);
});

test('a value that nobody wrote is never explained', (t) => {
  t.is(judged(history('w a 1 5', 'r x 6 7'), TWICE).violations.length, 1);
});
