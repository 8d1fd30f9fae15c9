/** What a majority tells to be zeros is zeros for whoever settles it, whatever pending writes have left. */
import test from 'ava';
import { isMajority } from '../../../src/core/quorum.js';
import type { SectorMap } from '../../../src/core/sectorMap.js';
import { joinMaps, withoutPromised } from '../../../src/core/sectorMap.js';
import { PromiseTable } from '../../../src/core/strict/promises.js';
import { REGION_SECTORS } from '../../../src/core/strict/range.js';
import type { StrictStamp } from '../../../src/core/strict/version.js';
import { STRICT_STAMP_INITIAL, compareStrictStamps } from '../../../src/core/strict/version.js';
import { chooseSeed, dice, seedOf } from '../../helpers/seed.js';
import { strictStamp } from '../../streams/strictFakes.js';

const SECTOR = 5;
const RANGE = { first: SECTOR, count: 1 };

/** A replica of one sector: A2 and A3. */
class Replica {
  stamp = STRICT_STAMP_INITIAL;
  isZeros = true;
  readonly promises = new PromiseTable(9);

  order(stamp: StrictStamp): boolean {
    if (compareStrictStamps(stamp, this.promises.promisedOf(SECTOR, this.stamp)) <= 0) return false;
    this.promises.promise(RANGE, stamp);
    return true;
  }

  store(stamp: StrictStamp, isZeros: boolean): void {
    if (compareStrictStamps(stamp, this.promises.promisedOf(SECTOR, this.stamp)) < 0) return;
    this.stamp = stamp;
    this.isZeros = isZeros;
    this.promises.meet(RANGE, stamp);
  }

  map(rank: number, processCount: number): SectorMap {
    const runs = [
      { sectors: SECTOR, zeros: STRICT_STAMP_INITIAL },
      { sectors: 1, zeros: this.isZeros ? this.stamp : null },
      { sectors: REGION_SECTORS, zeros: STRICT_STAMP_INITIAL },
    ];
    const promised = this.promises.promisedParts(0, REGION_SECTORS);
    const disks = Array.from({ length: processCount }, () => ({ incarnation: 0, mark: 1 }));
    return { rank, disks, from: 0, runs: withoutPromised(runs, 0, promised, 100) };
  }
}

function majoritiesOf(processCount: number): number[][] {
  return Array.from({ length: 2 ** processCount }, (_, bits) =>
    Array.from({ length: processCount }, (__, index) => index).filter((index) => (bits & (1 << index)) !== 0),
  ).filter(({ length }) => isMajority(length, processCount));
}

test('zeros by the word of a majority are zeros by the word of every majority', (t) => {
  const seed = chooseSeed();
  t.log(`seed ${seed}`);
  const told = { zeros: 0, others: 0 };
  for (let round = 0; round < 2_000; round += 1) {
    const random = dice(seedOf(seed, round));
    const processCount = random.pick([3, 4, 5]);
    const replicas = Array.from({ length: processCount }, () => new Replica());
    const majorities = majoritiesOf(processCount);
    for (let step = 1; step <= 8; step += 1) {
      // A write of which any message may be lost.
      const stamp = strictStamp(step - random.below(2), random.below(4));
      const granted = replicas.filter((replica) => random.chance(70) && replica.order(stamp)).length;
      const isZeros = random.chance(60);
      if (isMajority(granted, processCount)) {
        for (const replica of replicas) if (random.chance(60)) replica.store(stamp, isZeros);
      }
      const maps = replicas.map((replica, index) => replica.map(index + 1, processCount));
      for (const asked of majorities) {
        const runs = joinMaps(
          asked.map((index) => maps[index]),
          SECTOR,
          SECTOR + 1,
          new Set(),
        );
        const fromZero = joinMaps(
          asked.map((index) => maps[index]),
          0,
          REGION_SECTORS,
          new Set(),
        );
        if (fromZero[0].kind !== 'zeros' || fromZero[0].sectors < SECTOR) t.fail('the sectors before it are zeros');
        if (runs.length === 0) t.fail('a majority was asked');
        if (fromZero[0].sectors === SECTOR) {
          told.others += 1;
          continue;
        }
        told.zeros += 1;
        for (const settling of majorities) {
          const newest = settling
            .map((index) => replicas[index])
            .reduce((one, other) => (compareStrictStamps(other.stamp, one.stamp) > 0 ? other : one));
          if (!newest.isZeros) t.fail(`seed ${seed}, round ${round}, step ${step}: a settle finds data`);
        }
      }
    }
  }
  t.log(JSON.stringify(told));
  t.true(told.zeros > 1_000 && told.others > 1_000);
});

test('promised parts: single sectors, whole regions where there is a floor or too many', (t) => {
  const promises = new PromiseTable(5_000);
  promises.promise({ first: 7, count: 2 }, strictStamp(3));
  promises.raiseFloor(2, strictStamp(3));
  for (let extent = 0; extent < 3; extent += 1) {
    promises.promise({ first: 3 * REGION_SECTORS + extent * 256, count: 256 }, strictStamp(4));
    promises.promise({ first: 5 * REGION_SECTORS + extent * 256, count: 256 }, strictStamp(4));
  }
  const parts = promises.promisedParts(8, 9 * REGION_SECTORS);
  const runs = withoutPromised([{ sectors: 9 * REGION_SECTORS, zeros: STRICT_STAMP_INITIAL }], 0, parts, 100);
  t.deepEqual(
    runs.map(({ sectors, zeros }) => [sectors, zeros === null]),
    [
      [7, false],
      [2, true],
      [2 * REGION_SECTORS - 9, false],
      [REGION_SECTORS + 768, true],
      [256 + REGION_SECTORS, false],
      [REGION_SECTORS, true],
      [3 * REGION_SECTORS, false],
    ],
  );
  t.deepEqual(promises.promisedParts(0, 7).length, 2, 'all of the region that begins before the end');
  t.deepEqual(promises.promisedParts(REGION_SECTORS, 2 * REGION_SECTORS), []);
  t.deepEqual(withoutPromised(runs, 0, parts, 3).length, 3);
});
