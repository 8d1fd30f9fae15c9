/** Giving room back, over a simulated disk: what is moved and cut, and what comes in between. */
import test, { type ExecutionContext } from 'ava';
import { ZERO_SECTOR } from '../../src/core/sector.js';
import { NoSpace } from '../../src/ports/blockFiles.js';
import type { Copy, SectorStore } from '../../src/ports/store.js';
import {
  BATCH_SECTORS,
  dataOf,
  isSame,
  simulate,
  stampOf,
  watch,
  type Outcome,
  type Simulation,
} from './storeHarness.js';

const SECTORS = 200;
/** What stays: few, and in the highest slots. */
const KEPT = [150, 163, 177, 188, 199];
const GONE = Array.from({ length: SECTORS }, (_, sector) => sector).filter((sector) => !KEPT.includes(sector));

/** A store with one slot for each sector, in order. */
function filled(seed: number): { simulation: Simulation; store: SectorStore } {
  const simulation = simulate(seed);
  const store = simulation.open();
  for (let sector = 0; sector < SECTORS; sector += 1) {
    watch(store.put(sector, stampOf(1), dataOf(sector)));
  }
  simulation.run();
  simulation.disk.trace.length = 0;
  return { simulation, store };
}

function zero(store: SectorStore, sectors: readonly number[]): void {
  for (const sector of sectors) watch(store.put(sector, stampOf(2), ZERO_SECTOR));
}

function isRight(copy: Copy | undefined, sector: number): boolean {
  return copy?.kind === 'sound' && isSame(copy.data, dataOf(sector));
}

function keptAreThere(t: ExecutionContext, simulation: Simulation, store: SectorStore): void {
  for (const sector of KEPT) {
    t.true(isRight(simulation.valueOf(store.load(sector)), sector), `data of sector ${sector}`);
    t.deepEqual(store.stampOf(sector), stampOf(1));
  }
}

test('what is left moves down, and the file is cut behind it', (t) => {
  const { simulation, store } = filled(1);
  const { disk, log } = simulation;
  t.is(disk.slotCount, SECTORS);
  zero(store, GONE);
  simulation.run();
  t.is(disk.slotCount, KEPT.length + BATCH_SECTORS);
  keptAreThere(t, simulation, store);
  const moved = disk.trace.findIndex((line) => line.kind === 'write');
  const end = disk.trace.slice(moved);
  t.deepEqual(
    end.map(({ kind }) => kind),
    [...KEPT.map(() => 'write'), 'flushed', 'committed', 'cut'],
  );
  t.deepEqual(log.lines.at(-1)?.fields, {
    event: 'dataFileCut',
    slotsBefore: SECTORS,
    slots: KEPT.length + BATCH_SECTORS,
    sectorsMoved: KEPT.length,
  });
  disk.crash();
  keptAreThere(t, simulation, simulation.open());
});

test('a process that starts with too long a file does it too', (t) => {
  const { simulation, store } = filled(2);
  zero(store, GONE);
  // Zeros are not written: the first write is a move's.
  simulation.disk.onTrace = ({ kind }) => {
    if (kind === 'write') simulation.disk.kill();
  };
  simulation.run();
  t.is(simulation.disk.slotCount, SECTORS);
  simulation.disk.onTrace = () => undefined;
  const again = simulation.open();
  simulation.run();
  t.is(simulation.disk.slotCount, KEPT.length + BATCH_SECTORS);
  keptAreThere(t, simulation, again);
});

test('overwriting alone moves nothing: its slots are used again', (t) => {
  const { simulation, store } = filled(3);
  for (let timestamp = 2; timestamp < 12; timestamp += 1) {
    for (let sector = 0; sector < SECTORS; sector += 1) {
      watch(store.put(sector, stampOf(timestamp), dataOf(sector)));
    }
    simulation.run();
  }
  t.false(simulation.disk.trace.some(({ kind }) => kind === 'cut'));
});

test('a load that a move overtakes gives what was moved', (t) => {
  let overtakenCount = 0;
  for (let seed = 10; seed < 40; seed += 1) {
    const { simulation, store } = filled(seed);
    const { disk, scheduler, dice } = simulation;
    // Some reads end only after the slot was cut off.
    disk.delayMs = () => (dice.below(4) === 0 ? 60 : dice.below(3));
    zero(store, GONE);
    const loads: { sector: number; slot: number | null; outcome: Outcome<Copy> }[] = [];
    let nextSector = SECTORS;
    for (let timeMs = 0; timeMs < 600; timeMs += 3) {
      scheduler.schedule(() => {
        for (const sector of KEPT) {
          const slot = disk.recordOf(sector)?.slot ?? null;
          loads.push({ sector, slot, outcome: watch(store.load(sector)) });
        }
        // Takes the slots that have become free, and overwrites them.
        nextSector += 1;
        watch(store.put(nextSector, stampOf(1), dataOf(nextSector)));
      }, timeMs);
    }
    simulation.run();
    for (const { sector, slot, outcome } of loads) {
      t.assert(isRight(outcome.values[0], sector), `seed ${seed}: sector ${sector}`);
      if (slot !== disk.recordOf(sector)?.slot) overtakenCount += 1;
    }
    t.false(KEPT.some((sector) => store.isDamaged(sector)));
  }
  t.true(overtakenCount > 100, `${overtakenCount} loads began before the move`);
});

test('a put of a sector that is being moved wins', (t) => {
  for (let seed = 40; seed < 70; seed += 1) {
    const { simulation, store } = filled(seed);
    zero(store, GONE);
    const delayMs = 30 + (seed - 40);
    simulation.scheduler.schedule(() => {
      for (const sector of KEPT) watch(store.put(sector, stampOf(3), dataOf(sector + 1000)));
    }, delayMs);
    simulation.run();
    for (const sector of KEPT) {
      t.deepEqual(store.stampOf(sector), stampOf(3), `seed ${seed}`);
      const copy = simulation.valueOf(store.load(sector));
      t.assert(copy.kind === 'sound' && isSame(copy.data, dataOf(sector + 1000)), `seed ${seed}`);
    }
  }
});

test('a sector that comes back to its slot while that is read keeps what it has now', (t) => {
  const { simulation, store } = filled(5);
  const { disk } = simulation;
  disk.readsEarly = true;
  const [moved] = KEPT;
  const others = GONE.filter((sector) => sector < moved);
  disk.delayMs = () => 0;
  zero(store, GONE);
  simulation.run(0);
  // The compactor reads the slots of those that are kept, which takes long.
  disk.delayMs = () => 1_000;
  simulation.run(100);
  disk.delayMs = () => 0;
  const put = (sector: number, timestamp: number): void => {
    const outcome = watch(store.put(sector, stampOf(timestamp), dataOf(sector + timestamp)));
    simulation.run(0);
    t.deepEqual(outcome.values, ['stored']);
  };
  put(moved, 3);
  t.is(disk.recordOf(moved)?.slot, 0);
  // They take every lower slot but that one, so that the next one is the old one.
  for (const sector of others.slice(0, moved - 1)) put(sector, 3);
  put(moved, 4);
  t.is(disk.recordOf(moved)?.slot, moved);
  simulation.run();
  const copy = simulation.valueOf(store.load(moved));
  t.true(copy.kind === 'sound' && isSame(copy.data, dataOf(moved + 4)), copy.kind);
});

test('what is damaged stays where it is, and stays damaged; the others move', (t) => {
  const { simulation, store } = filled(4);
  const { disk } = simulation;
  disk.flipBit(188);
  zero(store, GONE);
  simulation.run();
  t.is(disk.slotCount, 189, 'the file is cut behind it');
  t.is(disk.recordOf(188)?.slot, 188);
  t.is(simulation.valueOf(store.load(188)).kind, 'damaged');
  t.true(isRight(simulation.valueOf(store.load(199)), 199));
  // Mended, it is no longer in the way. That is looked at when something is put after a rest.
  t.is(simulation.valueOf(store.put(188, stampOf(1), dataOf(188))), 'stored');
  simulation.run(120_000);
  t.is(simulation.valueOf(store.put(0, stampOf(3), ZERO_SECTOR)), 'stored');
  simulation.run();
  t.is(disk.slotCount, KEPT.length + BATCH_SECTORS);
  keptAreThere(t, simulation, store);
});

/**
 * The commit of a move finds no room: one of its own, or one that it shares with zeros, which are refused then, so that
 * their sectors stay.
 */
function refuseMove(
  t: ExecutionContext,
  operation: 'write' | 'flush' | 'commit',
  isAlone: boolean,
  seed: number,
): number {
  const { simulation, store } = filled(seed);
  const { disk, log, dice } = simulation;
  // Without delay all zeros are stored before the compactor takes its first step.
  if (isAlone) disk.delayMs = () => 0;
  const zeros = GONE.map((sector) => watch(store.put(sector, stampOf(2), ZERO_SECTOR)));
  if (isAlone) {
    simulation.run(0);
    t.true(zeros.every(({ values }) => values.join() === 'stored'));
    disk.delayMs = () => dice.below(5);
  }
  const fail = (): void => {
    disk.failNext(operation, new NoSpace('no room'));
    disk.onTrace = () => undefined;
  };
  // Zeros are neither written nor flushed: the first of both is a move's.
  if (operation === 'commit') {
    disk.onTrace = ({ kind }) => {
      if (kind === 'write') fail();
    };
  } else {
    fail();
  }
  simulation.run();
  t.is(log.lines.filter(({ fields }) => fields['event'] === 'storeFull').length, 1);
  keptAreThere(t, simulation, store);
  simulation.run(120_000);
  t.is(simulation.valueOf(store.put(0, stampOf(3), ZERO_SECTOR)), 'stored');
  simulation.run();
  const refused = zeros.filter(({ values }, index) => index > 0 && values.join() === 'full');
  t.is(disk.slotCount, KEPT.length + refused.length + BATCH_SECTORS, `seed ${seed}`);
  keptAreThere(t, simulation, store);
  return refused.length;
}

for (const operation of ['write', 'flush', 'commit'] as const) {
  test(`no room at the ${operation} of a move: nothing is lost, it is tried again`, (t) => {
    let refusedCount = 0;
    for (let seed = 5; seed < 30; seed += 1) {
      t.is(refuseMove(t, operation, true, seed), 0);
      refusedCount += refuseMove(t, operation, false, seed);
    }
    t.true(refusedCount > 0, 'a commit was never shared');
  });
}

test('a cut that fails ends the store, as every failure of the disk does', (t) => {
  const { simulation, store } = filled(6);
  simulation.disk.failNext('truncate', new Error('EIO'));
  zero(store, GONE);
  simulation.run();
  const { error } = watch(store.put(0, stampOf(3), ZERO_SECTOR));
  t.like(error, { code: 'ATDD_STORE_FAILED' });
  t.regex(String(error), /cutting the data file failed: EIO/);
});

test('a close ends it: reads are waited for, nothing is begun', (t) => {
  for (let delayMs = 0; delayMs < 80; delayMs += 1) {
    const simulation = simulate(7);
    const store = simulation.open();
    for (let sector = 0; sector < SECTORS; sector += 1) {
      watch(store.put(sector, stampOf(1), dataOf(sector)));
    }
    simulation.run();
    zero(store, GONE);
    simulation.run(delayMs);
    const closed = watch(store.close());
    simulation.run();
    t.true(closed.isComplete, `closed after ${delayMs} ms`);
    const stepCount = simulation.disk.stepCount;
    simulation.run(1_000);
    t.is(simulation.disk.stepCount, stepCount);
    const again = simulation.open();
    for (const sector of KEPT) {
      t.assert(isRight(simulation.valueOf(again.load(sector)), sector), `after ${delayMs} ms`);
    }
  }
});
