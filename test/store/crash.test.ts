/**
 * Puts at random, a crash at a random step of the disk, a restart; several times on one disk. After
 * each restart every sector has to hold a value that was put, whole, and none older than the last
 * that was acknowledged. Some runs have a disk that finds no room now and then.
 */
import test from 'ava';
import { ZERO_SECTOR } from '../../src/core/sector.js';
import type { SectorStore } from '../../src/ports/store.js';
import { dataOf, isSame, simulate, stampOf, type Simulation } from './storeHarness.js';

const SEEDS = 1_000;
const LIVES = 4;
const BATCH = 4;

interface SectorHistory {
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
}

/** One put in four is of zeros. Timestamps never repeat, so a timestamp names a value. */
function valueOf(sector: number, timestamp: number): Uint8Array {
  return (sector + timestamp) % 4 === 0 ? ZERO_SECTOR : dataOf(sector * 100_000 + timestamp);
}

function putAtRandom(
  { dice, scheduler, disk }: Simulation,
  store: SectorStore,
  history: SectorHistory[],
  totals: Totals,
): void {
  const { life } = disk;
  const putCount = 5 + dice.below(40);
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
      store.put(sector, stampOf(timestamp), valueOf(sector, timestamp)).subscribe((outcome) => {
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
function check(
  simulation: Simulation,
  store: SectorStore,
  history: SectorHistory[],
  totals: Totals,
): string | null {
  for (const [sector, known] of history.entries()) {
    const timestamp = Number(store.stampOf(sector).timestamp);
    if (timestamp < known.acknowledged) {
      return `sector ${sector}: ${known.acknowledged} was acknowledged, ${timestamp} is there`;
    }
    if (timestamp > known.put) return `sector ${sector}: ${timestamp} was never put`;
    const copy = simulation.valueOf(store.load(sector));
    if (copy.kind !== 'sound') return `sector ${sector}: ${timestamp} is damaged`;
    const expected = timestamp === 0 ? ZERO_SECTOR : valueOf(sector, timestamp);
    if (!isSame(copy.data, expected)) return `sector ${sector}: not the data of ${timestamp}`;
    if (known.isBusy && timestamp < known.put) totals.lostPuts += 1;
    if (timestamp > known.acknowledged) totals.keptUnacknowledged += 1;
    known.acknowledged = timestamp;
    known.isBusy = false;
  }
  return null;
}

function runSeed(seed: number, totals: Totals): string | null {
  const simulation = simulate(seed, BATCH);
  const { disk, dice } = simulation;
  const history = Array.from({ length: 1 + dice.below(10) }, () => ({
    acknowledged: 0,
    put: 0,
    isBusy: false,
  }));
  for (let life = 0; life < LIVES; life += 1) {
    disk.noSpaceOneIn = 0;
    const store = simulation.open();
    const fault = check(simulation, store, history, totals);
    if (fault !== null) return `seed ${seed}, life ${life}: ${fault}`;
    disk.noSpaceOneIn = dice.below(3) === 0 ? 2 + dice.below(10) : 0;
    disk.crashAtStep = disk.stepCount + 1 + dice.below(60);
    putAtRandom(simulation, store, history, totals);
    simulation.run();
    // A crash sets the step back.
    if (disk.crashAtStep < Number.POSITIVE_INFINITY) {
      // It outlived its puts. Then it was all acknowledged or refused; a crash comes now.
      const stuck = history.findIndex(({ isBusy }) => isBusy);
      if (stuck >= 0) return `seed ${seed}, life ${life}: the put of sector ${stuck} never ended`;
      disk.crash();
    }
    totals.crashes += 1;
    totals.mostSlotsOver = Math.max(totals.mostSlotsOver, disk.slotCount - history.length);
  }
  return null;
}

test(`${SEEDS} disks, ${LIVES} crashes each: nothing is lost, nothing is torn`, (t) => {
  const totals: Totals = {
    crashes: 0,
    lostPuts: 0,
    keptUnacknowledged: 0,
    refused: 0,
    mostSlotsOver: 0,
  };
  for (let seed = 0; seed < SEEDS; seed += 1) {
    const fault = runSeed(seed, totals);
    if (fault !== null) {
      t.fail(fault);
      return;
    }
  }
  t.log(totals);
  t.is(totals.crashes, SEEDS * LIVES);
  t.true(totals.mostSlotsOver <= BATCH, 'space: sectors with data and one batch');
  // The test is worth something only if crashes hit puts, with either outcome.
  t.true(totals.lostPuts > 500, `${totals.lostPuts} puts were lost`);
  t.true(totals.keptUnacknowledged > 100, `${totals.keptUnacknowledged} were kept unacknowledged`);
  t.true(totals.refused > 500, `${totals.refused} were refused`);
});
