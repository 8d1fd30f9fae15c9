import test from 'ava';
import { isMajority, majorityOf } from '../../src/core/quorum.js';
import { RANK_MAX, isMember } from '../../src/core/rank.js';
import { compareStamps, nextStamp } from '../../src/core/stamp.js';
import { stamp } from './make.js';

test('any two majorities share a process, for every N', (t) => {
  for (let processCount = 1; processCount <= RANK_MAX; processCount += 1) {
    const smallest = majorityOf(processCount);
    t.true(isMajority(smallest, processCount));
    t.false(isMajority(smallest - 1, processCount));
    t.true(2 * smallest > processCount, `N = ${processCount}`);
  }
});

test('a member is a whole number from 1 to N', (t) => {
  for (const rank of [1, 2, 3]) t.true(isMember(rank, 3));
  for (const rank of [0, 4, -1, 1.5, NaN]) t.false(isMember(rank, 3));
});

test('stamps are ordered by timestamp, then by rank, beyond what a number counts', (t) => {
  const ordered = [
    stamp(0, 0),
    stamp(1, 1),
    stamp(1, 2),
    stamp(2, 1),
    { timestamp: 2n ** 53n, writeRank: 1 },
    { timestamp: 2n ** 53n + 1n, writeRank: 1 },
  ];
  for (const [i, a] of ordered.entries()) {
    for (const [j, b] of ordered.entries()) t.is(Math.sign(compareStamps(a, b)), Math.sign(i - j));
  }
  t.true(compareStamps(nextStamp(stamp(5, 9), 1), stamp(5, 9)) > 0);
});

test('what is written after one was sent again is above the attempt left behind', (t) => {
  // By process 3, in a late boot of a late incarnation; the next by processes in their first.
  const late = { incarnation: 255, boot: 65_535, isPlain: false };
  for (const early of [
    { incarnation: 0, boot: 0, isPlain: false },
    { incarnation: 0, boot: 1, isPlain: false },
  ]) {
    for (const highest of [stamp(0, 0), stamp(7, 1), nextStamp(stamp(7, 1), 2, late)]) {
      const leftBehind = nextStamp(highest, 3, late);
      const again = nextStamp(highest, 2, early);
      const next = nextStamp(again, 2, early);
      t.true(compareStamps(next, leftBehind) > 0);
    }
  }
});

test('boots and incarnations choose different stamps, and none of those that count by one', (t) => {
  const policies = [0, 1, 255].flatMap((incarnation) =>
    [0, 1, 65_535].map((boot) => ({ incarnation, boot, isPlain: false })),
  );
  const chosen = policies.map((policy) => nextStamp(stamp(7, 1), 1, policy).timestamp);
  t.is(new Set(chosen).size, policies.length);
  t.true(chosen.every((timestamp) => timestamp > 7n + 2n ** 24n));
});
