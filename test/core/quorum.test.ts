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
