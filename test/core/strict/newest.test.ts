/** E2: what is taken over of what several members have told. */
import test from 'ava';
import type { NewestRun, TiledState } from '../../../src/core/strict/newest.js';
import { newestIn } from '../../../src/core/strict/newest.js';
import type { StateRun } from '../../../src/core/strict/replicaMessage.js';
import type { StrictStamp } from '../../../src/core/strict/version.js';
import { compareStrictStamps, laterOf } from '../../../src/core/strict/version.js';
import type { Dice } from '../../helpers/seed.js';
import { chooseSeed, dice, seedOf } from '../../helpers/seed.js';
import { range, stamp, version } from './make.js';

const run = (count: number, of: StrictStamp, promised = of, origin = of): StateRun => ({
  count,
  version: version(of, origin),
  promised,
  data: null,
});

test('of each sector the highest stamp with its origin, the highest promise, and who holds it', (t) => {
  const states: TiledState[] = [
    { rank: 1, runs: [run(3, stamp(5)), run(2, stamp(0))] },
    { rank: 3, runs: [run(2, stamp(5)), run(2, stamp(7), stamp(7), stamp(4)), run(1, stamp(0), stamp(9))] },
  ];
  t.deepEqual(newestIn(range(10, 5), states), [
    { range: range(10, 2), version: version(stamp(5)), promised: stamp(5), holders: [1, 3] },
    { range: range(12, 1), version: version(stamp(7), stamp(4)), promised: stamp(7), holders: [3] },
    { range: range(13, 1), version: version(stamp(7), stamp(4)), promised: stamp(7), holders: [3] },
    { range: range(14, 1), version: version(stamp(0)), promised: stamp(9), holders: [1, 3] },
  ]);
});

test('a promise of one is kept though another holds the version, and the coordinator decides between counters', (t) => {
  const [low, high] = [stamp(5, 'a'), stamp(5, 'b')];
  const states: TiledState[] = [
    { rank: 2, runs: [run(1, high)] },
    { rank: 4, runs: [run(1, low, stamp(6))] },
  ];
  t.deepEqual(newestIn(range(0, 1), states), [
    { range: range(0, 1), version: version(high), promised: stamp(6), holders: [2] },
  ]);
  t.throws(() => newestIn(range(0, 1), []), { message: /told by nobody/ });
});

function randomRuns(random: Dice, count: number): StateRun[] {
  const runs: StateRun[] = [];
  for (let left = count; left > 0;) {
    const length = 1 + random.below(left);
    const of = stamp(random.below(4), random.pick(['a', 'b']));
    runs.push(run(length, of, laterOf(of, stamp(random.below(6)))));
    left -= length;
  }
  return runs;
}

function at(runs: readonly StateRun[], index: number): StateRun {
  let end = 0;
  for (const one of runs) if ((end += one.count) > index) return one;
  throw new Error(`${index} is behind the runs`);
}

test('random runs: each sector by itself gives the same', (t) => {
  const seed = chooseSeed();
  t.log(`seed ${seed}`);
  for (let round = 0; round < 400; round += 1) {
    const random = dice(seedOf(seed, round));
    const count = 1 + random.below(9);
    const states = [1, 2, 5].slice(0, 1 + random.below(3)).map((rank) => ({ rank, runs: randomRuns(random, count) }));
    const found = newestIn(range(100, count), states);
    let sector = 100;
    for (const newest of found) {
      if (newest.range.first !== sector) t.fail(`seed ${seed}, round ${round}: a gap before ${newest.range.first}`);
      for (; sector < newest.range.first + newest.range.count; sector += 1) {
        const expected = newestOf(states, sector - 100);
        const { version: told, promised, holders } = newest;
        const isSame =
          compareStrictStamps(told.stamp, expected.version.stamp) === 0 &&
          compareStrictStamps(promised, expected.promised) === 0 &&
          holders.join() === expected.holders.join();
        if (!isSame) t.fail(`seed ${seed}, round ${round}, sector ${sector}`);
      }
    }
    t.is(sector, 100 + count);
  }
});

function newestOf(states: readonly TiledState[], index: number): Omit<NewestRun, 'range'> {
  const told = states.map(({ rank, runs }) => ({ rank, ...at(runs, index) }));
  const [first] = [...told].sort((a, b) => compareStrictStamps(b.version.stamp, a.version.stamp));
  const isHeld = (one: StateRun): boolean => compareStrictStamps(one.version.stamp, first.version.stamp) === 0;
  return {
    version: first.version,
    promised: told.map(({ promised }) => promised).reduce(laterOf),
    holders: told.filter(isHeld).map(({ rank }) => rank),
  };
}
