/** What maps of processes say together, by hand and against a model of registers. */
import test from 'ava';
import fc from 'fast-check';
import type { SectorMap, ToldRun } from '../../src/core/sectorMap.js';
import { isMajorityOf, joinMaps } from '../../src/core/sectorMap.js';
import type { StrictStamp } from '../../src/core/strict/version.js';
import { STRICT_STAMP_INITIAL, coordinatorOfRank } from '../../src/core/strict/version.js';

const NONE: ReadonlySet<number> = new Set();
const at = (counter: number, rank = 1): StrictStamp => ({
  counter: BigInt(counter),
  coordinator: coordinatorOfRank(rank),
});

function mapOf(rank: number, runs: readonly ToldRun[], disks = [1, 2, 3]): SectorMap {
  return { rank, from: 10, runs, disks: disks.map((mark) => ({ incarnation: 0, mark })) };
}
const zeros = (sectors: number, stamp: StrictStamp | null = STRICT_STAMP_INITIAL): ToldRun => ({
  sectors,
  zeros: stamp,
});

test('zeros is what all hold under one stamp, data what all call so, the rest unknown', (t) => {
  const one = mapOf(1, [zeros(5), zeros(5, at(3)), zeros(5, null)]);
  const other = mapOf(2, [zeros(4), zeros(2, at(3)), zeros(3, at(4)), zeros(4, null), zeros(9)]);
  t.deepEqual(joinMaps([one, other], 10, 1_000, NONE), [
    { sectors: 4, kind: 'zeros' },
    { sectors: 1, kind: 'unknown' },
    { sectors: 1, kind: 'zeros' },
    { sectors: 4, kind: 'unknown' },
    { sectors: 3, kind: 'data' },
    { sectors: 2, kind: 'unknown' },
  ]);
  t.deepEqual(joinMaps([one, other], 10, 12, NONE), [{ sectors: 2, kind: 'zeros' }]);
  // Rank and timestamp both are the stamp.
  const byTwo = [mapOf(1, [zeros(1, at(3, 1))]), mapOf(2, [zeros(1, at(3, 2))])];
  t.deepEqual(joinMaps(byTwo, 10, 99, NONE), [{ sectors: 1, kind: 'unknown' }]);
});

test('of what is in use nothing is known', (t) => {
  const maps = [mapOf(1, [zeros(9)]), mapOf(2, [zeros(9)])];
  t.deepEqual(joinMaps(maps, 10, 1_000, new Set([13, 9, 10, 12, 18, 500])), [
    { sectors: 1, kind: 'unknown' },
    { sectors: 1, kind: 'zeros' },
    { sectors: 2, kind: 'unknown' },
    { sectors: 4, kind: 'zeros' },
    { sectors: 1, kind: 'unknown' },
  ]);
});

test('it takes a majority, of different processes of one cluster', (t) => {
  const [one, two, three] = [1, 2, 3].map((rank) => mapOf(rank, [zeros(9)]));
  t.false(isMajorityOf([]));
  t.false(isMajorityOf([one]));
  t.true(isMajorityOf([one, three]));
  t.true(isMajorityOf([one, two, three]));
  t.false(isMajorityOf([one, one]));
  t.false(isMajorityOf([one, mapOf(2, [zeros(9)], [1, 2, 3, 4])]));
  t.true(isMajorityOf([mapOf(1, [zeros(1)], [1])]));
  t.deepEqual(joinMaps([one], 10, 99, NONE), []);
});

test('nobody speaks for a disk that another knows to be lost', (t) => {
  const known = (rank: number, disks: readonly (readonly [number, number])[]): SectorMap => ({
    ...mapOf(rank, [zeros(9)]),
    disks: disks.map(([incarnation, mark]) => ({ incarnation, mark })),
  });
  const old = known(1, [
    [0, 11],
    [0, 2],
    [0, 3],
  ]);
  // Process 2 has heard of another disk of process 1, 3 of its number only.
  const newer = known(2, [
    [1, 12],
    [0, 2],
    [0, 3],
  ]);
  const numberOnly = known(3, [
    [1, 0],
    [0, 2],
    [0, 3],
  ]);
  const sameNumber = known(2, [
    [0, 12],
    [0, 2],
    [0, 3],
  ]);
  for (const other of [newer, numberOnly, sameNumber]) {
    t.false(isMajorityOf([old, other]));
    t.false(isMajorityOf([other, old]));
    t.deepEqual(joinMaps([old, other], 10, 99, NONE), []);
  }
  // Nobody else knows of it yet, or of no disk at all.
  t.true(
    isMajorityOf([
      old,
      known(2, [
        [0, 0],
        [0, 2],
        [0, 3],
      ]),
    ]),
  );
  t.true(
    isMajorityOf([
      known(1, [
        [2, 13],
        [0, 2],
        [0, 3],
      ]),
      newer,
    ]),
  );
});

/**
 * One sector, N processes: writes of zeros and of data under growing stamps reach them one by one and are over when a
 * majority has them; disks are lost, and taken in again from as many others as ADR 13 asks for, which have it on record
 * before they list. Maps are asked for at one moment and come from each process at a later one. Whatever happens: if
 * they say zeros, no write of data was over before the first was asked for, unless one of zeros with a higher stamp was
 * begun.
 */
interface Write {
  readonly stamp: number;
  readonly isZeros: boolean;
  readonly holders: Set<number>;
  isOver: boolean;
}

class Model {
  readonly stamps: number[];
  readonly incarnations: number[][];
  readonly writes: Write[] = [];
  readonly isJoining: boolean[];

  constructor(readonly count: number) {
    this.stamps = Array.from({ length: count }, () => 0);
    this.incarnations = this.stamps.map(() => this.stamps.map(() => 0));
    this.isJoining = this.stamps.map(() => false);
  }

  begin(isZeros: boolean): void {
    this.writes.push({ stamp: this.writes.length + 1, isZeros, holders: new Set(), isOver: false });
  }

  /** The process stores the newest write that it has not, or an older one, and acknowledges. */
  deliver(process: number, write: Write): void {
    this.stamps[process] = Math.max(this.stamps[process], write.stamp);
    write.holders.add(process);
    write.isOver ||= write.holders.size > this.count / 2;
  }

  lose(process: number): void {
    this.stamps[process] = 0;
    this.isJoining[process] = true;
    this.incarnations[process][process] += 1;
  }

  /** Takes in what those have; they have its incarnation on record first, and tell coordinators. */
  rebuild(process: number, from: readonly number[]): void {
    for (const one of from) {
      this.incarnations[one][process] = this.incarnations[process][process];
      this.stamps[process] = Math.max(this.stamps[process], this.stamps[one]);
    }
    // A4: what it had acknowledged before counts no longer where it is not over yet.
    for (const write of this.writes) if (!write.isOver) write.holders.delete(process);
    this.isJoining[process] = false;
  }

  mapOf(process: number): SectorMap {
    const stamp = this.stamps[process];
    const isZeros = stamp === 0 || this.writes[stamp - 1].isZeros;
    const disks = this.incarnations[process].map((incarnation, rank) => ({
      incarnation,
      mark: rank === process || incarnation > 0 ? rank * 16 + incarnation + 1 : 0,
    }));
    const run = { sectors: 1, zeros: isZeros ? at(stamp, stamp === 0 ? 0 : 1) : null };
    return { rank: process + 1, disks, from: 0, runs: [run] };
  }

  /** The highest stamp of what was over by now. */
  get over(): number {
    return Math.max(0, ...this.writes.filter(({ isOver }) => isOver).map(({ stamp }) => stamp));
  }
}

test('maps that say zeros are as good as a read, whatever happens meanwhile', (t) => {
  let zerosCount = 0;
  let refusedCount = 0;
  const step = fc.record({
    kind: fc.constantFrom('begin', 'deliver', 'deliver', 'deliver', 'lose', 'map', 'map', 'ask'),
    process: fc.nat(4),
    other: fc.nat(99),
    isZeros: fc.boolean(),
  });
  const property = fc.property(
    fc.constantFrom(3, 5),
    fc.array(step, { minLength: 5, maxLength: 60 }),
    (count, steps) => {
      const model = new Model(count);
      let maps: SectorMap[] = [];
      let overBefore = 0;
      for (const { kind, process: index, other, isZeros } of steps) {
        const process = index % count;
        if (kind === 'begin') model.begin(isZeros);
        else if (kind === 'ask') {
          maps = [];
          overBefore = model.over;
        } else if (kind === 'deliver' && model.writes.length > 0) {
          model.deliver(process, model.writes[other % model.writes.length]);
        } else if (kind === 'lose' && !model.isJoining.some((isJoining) => isJoining)) {
          // One at a time, as N = 3 bears; it is back with the next of these steps.
          model.lose(process);
        } else if (kind === 'lose') {
          const joining = model.isJoining.indexOf(true);
          const others = model.stamps.map((_, rank) => rank).filter((rank) => rank !== joining);
          const start = other % others.length;
          const turned = [...others.slice(start), ...others.slice(0, start)];
          model.rebuild(joining, turned.slice(0, Math.ceil(count / 2)));
        } else if (kind === 'map' && !model.isJoining[process]) {
          if (maps.some(({ rank }) => rank === process + 1)) continue;
          maps.push(model.mapOf(process));
          if (maps.length > count / 2 && !isMajorityOf(maps)) refusedCount += 1;
          const joined = joinMaps(maps, 0, 1, NONE);
          if (joined.length === 0 || joined[0].kind !== 'zeros') continue;
          zerosCount += 1;
          const told = maps.find((map) => map.rank === process + 1)?.runs[0].zeros?.counter;
          // Not older than what was over; and no later read finds anything older.
          if (Number(told) < overBefore) return false;
          const newer = model.stamps.filter((stamp) => stamp >= Number(told)).length;
          if (newer + model.isJoining.filter(Boolean).length <= count / 2) return false;
        }
      }
      return true;
    },
  );
  fc.assert(property, { numRuns: 5_000 });
  t.log(`${zerosCount} times zeros, ${refusedCount} times a lost disk was noticed`);
  t.true(zerosCount > 1_000);
  t.true(refusedCount > 20);
});
