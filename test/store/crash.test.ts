/**
 * Puts at random, a crash at a random step of the disk, a restart; several times on one disk. After each restart every
 * sector has to hold a value that was put, whole, and none older than the last that was acknowledged. Some runs have a
 * disk that finds no room now and then. Others write most sectors in one life and make most of them zeros in the next,
 * so that the data file is shrunk: the crash may come at any step of that as well.
 */
import test from 'ava';
import { ZERO_SECTOR } from '../../src/core/sector.js';
import type { SectorStore } from '../../src/ports/store.js';
import type { OpenedSectorStore } from '../../src/store/openSectorStore.js';
import { dataOf, isSame, simulate, stampOf, type Simulation } from './storeHarness.js';

const SEEDS = 1_000;
const BATCH = 4;
/** A start that goes back on a commit takes up to so many steps of the disk, and a few more. */
const START_STEPS_END = 12 + 5 * BATCH;

interface Profile {
  readonly lives: number;
  readonly sectorsMin: number;
  readonly sectorsEnd: number;
  readonly putsMin: number;
  readonly putsEnd: number;
  /** The crash comes after less than so many steps of the disk. */
  readonly stepsEnd: number;
  /** Of eight puts, so many are of zeros. */
  readonly zerosOfEight: (life: number) => number;
}

const PLAIN: Profile = {
  lives: 4,
  sectorsMin: 1,
  sectorsEnd: 11,
  putsMin: 5,
  putsEnd: 45,
  stepsEnd: 60,
  zerosOfEight: () => 2,
};

const SHRINKING: Profile = {
  lives: 6,
  sectorsMin: 30,
  sectorsEnd: 60,
  putsMin: 60,
  putsEnd: 150,
  stepsEnd: 320,
  zerosOfEight: (life) => (life % 2 === 0 ? 0 : 7),
};

interface SectorHistory {
  /** Timestamps of values that were zeros. */
  readonly zeros: Set<number>;
  /** Timestamp of the newest value that was acknowledged or seen after a restart. */
  acknowledged: number;
  /** Timestamp of the newest value that was put. */
  put: number;
  isBusy: boolean;
}

interface Totals {
  crashes: number;
  lostPuts: number;
  keptUnacknowledged: number;
  refused: number;
  mostSlotsOver: number;
  /** Commits that a start went back on, and crashes of starts. */
  undone: number;
  crashesOfStarts: number;
  /** Slots that were cut off, and crashes while the file was too long. */
  cutSlots: number;
  crashesWhileShrinking: number;
}

const NOTHING: Totals = {
  crashes: 0,
  lostPuts: 0,
  keptUnacknowledged: 0,
  refused: 0,
  mostSlotsOver: 0,
  undone: 0,
  crashesOfStarts: 0,
  cutSlots: 0,
  crashesWhileShrinking: 0,
};

/** Timestamps never repeat, so a timestamp names a value. */
function valueOf({ zeros }: SectorHistory, sector: number, timestamp: number): Uint8Array {
  return zeros.has(timestamp) ? ZERO_SECTOR : dataOf(sector * 100_000 + timestamp);
}

function putAtRandom(
  { dice, scheduler, disk }: Simulation,
  store: SectorStore,
  history: SectorHistory[],
  totals: Totals,
  profile: Profile,
  zerosOfEight: number,
): void {
  const { life } = disk;
  const putCount = profile.putsMin + dice.below(profile.putsEnd - profile.putsMin);
  let timeMs = 0;
  for (let count = 0; count < putCount; count += 1) {
    timeMs += dice.below(4);
    scheduler.schedule(() => {
      const sector = dice.below(history.length);
      const known = history[sector];
      if (known.isBusy || disk.life !== life) return;
      known.isBusy = true;
      known.put += 1;
      const timestamp = known.put;
      if (dice.below(8) < zerosOfEight) known.zeros.add(timestamp);
      store.put(sector, stampOf(timestamp), valueOf(known, sector, timestamp)).subscribe((outcome) => {
        known.isBusy = false;
        if (outcome === 'stored') known.acknowledged = timestamp;
        else totals.refused += 1;
        if (outcome === 'full' && store.stampOf(sector).timestamp !== BigInt(known.acknowledged)) {
          throw new Error(`sector ${sector}: refused, yet its stamp changed`);
        }
      });
    }, timeMs);
  }
}

/** @returns what is wrong, or null. */
function check(simulation: Simulation, store: SectorStore, history: SectorHistory[], totals: Totals): string | null {
  for (const [sector, known] of history.entries()) {
    const timestamp = Number(store.stampOf(sector).timestamp);
    if (timestamp < known.acknowledged) {
      return `sector ${sector}: ${known.acknowledged} was acknowledged, ${timestamp} is there`;
    }
    if (timestamp > known.put) return `sector ${sector}: ${timestamp} was never put`;
    const copy = simulation.valueOf(store.load(sector));
    if (copy.kind !== 'sound') return `sector ${sector}: ${timestamp} is damaged`;
    const expected = timestamp === 0 ? ZERO_SECTOR : valueOf(known, sector, timestamp);
    if (!isSame(copy.data, expected)) return `sector ${sector}: not the data of ${timestamp}`;
    if (known.isBusy && timestamp < known.put) totals.lostPuts += 1;
    if (timestamp > known.acknowledged) totals.keptUnacknowledged += 1;
    known.acknowledged = timestamp;
    known.isBusy = false;
  }
  return null;
}

/** Every other start is cut short at some step, and that again: what it left has to be as good. */
function startThroughCrashes(simulation: Simulation, totals: Totals): OpenedSectorStore {
  const { disk, dice } = simulation;
  while (dice.below(2) === 0) {
    disk.crashAtStep = disk.stepCount + 1 + dice.below(START_STEPS_END);
    if (simulation.tryOpen().isComplete) disk.crash();
    else totals.crashesOfStarts += 1;
  }
  return simulation.open();
}

/** Lets the disk live through its lives. @returns what is wrong, or null. */
function runSeed(seed: number, profile: Profile, totals: Totals): string | null {
  const simulation = simulate(seed, BATCH);
  const { disk, dice, log } = simulation;
  const sectorCount = profile.sectorsMin + dice.below(profile.sectorsEnd - profile.sectorsMin);
  const history = Array.from({ length: sectorCount }, () => ({
    zeros: new Set<number>(),
    acknowledged: 0,
    put: 0,
    isBusy: false,
  }));
  for (let life = 0; life < profile.lives; life += 1) {
    disk.noSpaceOneIn = 0;
    const store = startThroughCrashes(simulation, totals);
    const fault = check(simulation, store, history, totals);
    if (fault !== null) return `seed ${seed}, life ${life}: ${fault}`;
    disk.noSpaceOneIn = dice.below(3) === 0 ? 2 + dice.below(10) : 0;
    disk.crashAtStep = disk.stepCount + 1 + dice.below(profile.stepsEnd);
    const zerosOfEight = profile.zerosOfEight(life);
    putAtRandom(simulation, store, history, totals, profile, zerosOfEight);
    simulation.run();
    // A crash sets the step back.
    if (disk.crashAtStep < Number.POSITIVE_INFINITY) {
      // It outlived its puts. Then it was all acknowledged or refused; a crash comes now.
      const stuck = history.findIndex(({ isBusy }) => isBusy);
      if (stuck >= 0) return `seed ${seed}, life ${life}: the put of sector ${stuck} never ended`;
      disk.crash();
    } else if (store.stats().fileSlotCount > store.stats().slotCount + 2 * BATCH) {
      totals.crashesWhileShrinking += 1;
    }
    totals.crashes += 1;
    totals.undone += log.lines.filter(({ fields }) => fields['event'] === 'commitUndone').length;
    log.lines.length = 0;
    totals.mostSlotsOver = Math.max(totals.mostSlotsOver, disk.slotCount - history.length);
  }
  totals.cutSlots += disk.cutCount;
  return null;
}

function runAll(profile: Profile): Totals {
  const totals = { ...NOTHING };
  for (let seed = 0; seed < SEEDS; seed += 1) {
    const fault = runSeed(seed, profile, totals);
    if (fault !== null) throw new Error(fault);
  }
  return totals;
}

test(`${SEEDS} disks, ${PLAIN.lives} crashes each: nothing is lost, nothing is torn`, (t) => {
  const totals = runAll(PLAIN);
  t.log(totals);
  t.is(totals.crashes, SEEDS * PLAIN.lives);
  t.true(totals.mostSlotsOver <= BATCH, 'space: sectors with data and one batch');
  // The test is worth something only if crashes hit puts, with either outcome.
  t.true(totals.lostPuts > 500, `${totals.lostPuts} puts were lost`);
  t.true(totals.keptUnacknowledged > 100, `${totals.keptUnacknowledged} were kept unacknowledged`);
  t.true(totals.refused > 500, `${totals.refused} were refused`);
  t.true(totals.undone > 150, `${totals.undone} commits were gone back on`);
  t.true(totals.crashesOfStarts > 1_000, `${totals.crashesOfStarts} starts were cut short`);
});

test(`${SEEDS} disks, ${SHRINKING.lives} crashes each, while files are shrunk`, (t) => {
  const totals = runAll(SHRINKING);
  t.log(totals);
  t.is(totals.crashes, SEEDS * SHRINKING.lives);
  t.true(totals.mostSlotsOver <= BATCH, 'space: sectors with data and one batch');
  t.true(totals.crashesWhileShrinking > 500, `${totals.crashesWhileShrinking} crashes`);
  t.true(totals.cutSlots > 10_000, `${totals.cutSlots} slots were cut off`);
});
