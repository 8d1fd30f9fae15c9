/** The store as the strict register uses it, over a simulated disk: ranges, versions, copies that are kept. */
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { ZERO_SECTOR } from '../../src/core/sector.js';
import { VERSION_INITIAL, type Version } from '../../src/core/strict/version.js';
import { NoSpace } from '../../src/ports/blockFiles.js';
import type { RangePut, StrictStore } from '../../src/ports/strictStore.js';
import { dataOf, isSame, simulate, stampOf, versionOf, watch, type Simulation } from './storeHarness.js';
import { openStrict, rangeData, sectorsOf, strictStamp, writeOf } from './strictHarness.js';

const BATCH = 256;

const writesIn = ({ disk }: Simulation): number[] =>
  disk.trace.flatMap((line) => (line.kind === 'write' ? [line.slot] : []));

const commitsIn = ({ disk }: Simulation): number[] =>
  disk.trace.flatMap((line) => (line.kind === 'committed' ? [line.sectors.length] : []));

function put(simulation: Simulation, store: StrictStore, ...puts: readonly RangePut[]): string {
  return simulation.valueOf(store.putRanges(puts));
}

/** What a range holds, as runs: 'zeros', 'damaged', or 'right' for the data that this name has. */
function runsOf(simulation: Simulation, store: StrictStore, first: number, count: number, name: number): unknown[] {
  return simulation.valueOf(store.loadRange({ first, count })).map((run, index, runs) => {
    if (typeof run.data === 'string') return [run.count, run.data];
    const start = first + runs.slice(0, index).reduce((total, before) => total + before.count, 0);
    const isRight = isSame(run.data, rangeData({ first: start, count: run.count }, name));
    return [run.count, isRight ? 'right' : 'wrong'];
  });
}

test('a range of an extent is one commit into slots in a row, and is read as one run', (t) => {
  const simulation = simulate(1, BATCH);
  const store = openStrict(simulation);
  const range = { first: 512, count: 256 };
  t.is(put(simulation, store, writeOf(range, 1)), 'stored');
  t.deepEqual(commitsIn(simulation), [256]);
  t.deepEqual(
    writesIn(simulation),
    Array.from({ length: 256 }, (_, slot) => slot),
  );
  t.deepEqual(runsOf(simulation, store, 512, 256, 1), [[256, 'right']]);
  t.deepEqual(store.versionOf(600), { stamp: strictStamp(1), origin: strictStamp(1) });
  t.deepEqual(store.highestStamp, strictStamp(1));
  t.deepEqual(store.counts(), { written: 256, damaged: 0 });
  t.deepEqual(runsOf(simulation, store, 768, 256, 1), [[256, 'zeros']]);
  t.deepEqual(store.versionOf(768), VERSION_INITIAL);
});

test('overwritten for ever, ranges stay in one piece, and the file as long as it was', (t) => {
  const simulation = simulate(2, BATCH);
  const store = openStrict(simulation);
  for (let counter = 1; counter <= 40; counter += 1) {
    simulation.disk.trace.length = 0;
    const range = { first: 256 * simulation.dice.below(8), count: 256 };
    t.is(put(simulation, store, writeOf(range, counter)), 'stored');
    const slots = writesIn(simulation);
    t.is(slots[255] - slots[0], 255);
    t.deepEqual(runsOf(simulation, store, range.first, 256, counter), [[256, 'right']]);
  }
  t.true(simulation.disk.slotCount <= 9 * 256, `${simulation.disk.slotCount} slots`);
});

test('where no room is in a row, a range takes the slots that there are', (t) => {
  const simulation = simulate(3, BATCH);
  const store = openStrict(simulation);
  for (let first = 0; first < 1_024; first += 256) put(simulation, store, writeOf({ first, count: 256 }, 1));
  // Every third becomes zeros: holes of one slot, in more than one piece of the range to come.
  const holes = Array.from({ length: 340 }, (_, index) => writeOf({ first: 3 * index, count: 1 }, 2, 'zeros'));
  t.is(put(simulation, store, ...holes), 'stored');
  for (let counter = 3; counter < 6; counter += 1) {
    t.is(put(simulation, store, writeOf({ first: 1_024, count: 256 }, counter)), 'stored');
    t.deepEqual(runsOf(simulation, store, 1_024, 256, counter), [[256, 'right']]);
  }
  t.true(simulation.disk.slotCount <= 1_024 + 2 * BATCH, `${simulation.disk.slotCount} slots`);
});

test('zeros in a range take no slots and come back as zeros; a range of zeros has none at all', (t) => {
  const simulation = simulate(4, BATCH);
  const store = openStrict(simulation);
  const range = { first: 10, count: 8 };
  const data = rangeData(range, (sector) => (sector >= 12 && sector < 15 ? 0 : 1));
  t.is(put(simulation, store, writeOf(range, 1, data)), 'stored');
  t.deepEqual(writesIn(simulation), [0, 1, 2, 3, 4]);
  t.deepEqual(runsOf(simulation, store, 9, 10, 1), [
    [1, 'zeros'],
    [2, 'right'],
    [3, 'zeros'],
    [3, 'right'],
    [1, 'zeros'],
  ]);
  t.deepEqual(store.versionOf(13).stamp, strictStamp(1));
  simulation.disk.trace.length = 0;
  t.is(put(simulation, store, writeOf({ first: 0, count: 256 }, 2, new Uint8Array(256 * 4096))), 'stored');
  t.deepEqual(writesIn(simulation), []);
  t.deepEqual(simulation.disk.slotsInUse, []);
  t.deepEqual(runsOf(simulation, store, 0, 256, 1), [[256, 'zeros']]);
});

test('sectors that keep their data get a stamp and keep slot, checksum and origin: nothing is written', (t) => {
  const simulation = simulate(5, BATCH);
  const { disk } = simulation;
  const store = openStrict(simulation);
  const range = { first: 0, count: 100 };
  put(simulation, store, writeOf(range, 1));
  const before = disk.recordOf(50);
  disk.trace.length = 0;
  const [stamp, held] = [strictStamp(9, 'B'), strictStamp(1)];
  t.is(put(simulation, store, { range, stamp, origin: strictStamp(1), data: { held } }), 'stored');
  t.deepEqual(
    disk.trace.map(({ kind }) => kind),
    ['committed'],
  );
  t.deepEqual(disk.recordOf(50), { ...before, sector: 50, stamp } as never);
  disk.crash();
  const again = openStrict(simulation);
  t.deepEqual(again.versionOf(99), { stamp, origin: strictStamp(1) });
  t.deepEqual(runsOf(simulation, again, 0, 100, 1), [[100, 'right']]);
  t.deepEqual(again.highestStamp, stamp);
  // A sector that was never written keeps its zeros.
  const fresh = { range: { first: 200, count: 2 }, stamp, origin: VERSION_INITIAL.stamp };
  t.is(put(simulation, again, { ...fresh, data: { held: VERSION_INITIAL.stamp } }), 'stored');
  t.deepEqual(again.versionOf(201), { stamp, origin: VERSION_INITIAL.stamp });
  t.deepEqual(runsOf(simulation, again, 200, 2, 0), [[2, 'zeros']]);
  watch(again.putRanges([{ ...fresh, stamp: strictStamp(10), data: { held: strictStamp(1) } }]));
  t.throws(
    () => {
      simulation.run();
    },
    { message: /holds another version/ },
  );
});

test('a damaged copy that gets another stamp stays damaged; the other sectors of its range are read', (t) => {
  const simulation = simulate(6, BATCH);
  const { disk } = simulation;
  const store = openStrict(simulation);
  const range = { first: 0, count: 6 };
  put(simulation, store, writeOf(range, 1));
  for (const sector of [2, 3]) disk.flipBit(disk.recordOf(sector)?.slot ?? -1);
  const found = [
    [2, 'right'],
    [2, 'damaged'],
    [2, 'right'],
  ];
  t.deepEqual(runsOf(simulation, store, 0, 6, 1), found);
  t.deepEqual(store.counts(), { written: 6, damaged: 2 });
  put(simulation, store, { range, stamp: strictStamp(2), origin: strictStamp(1), data: { held: strictStamp(1) } });
  t.true(store.isDamaged(2) && !store.isDamaged(1));
  t.deepEqual(runsOf(simulation, store, 0, 6, 1), found);
  // The right data mends it.
  put(simulation, store, { ...writeOf({ first: 2, count: 2 }, 1), stamp: strictStamp(2) });
  t.deepEqual(store.counts().damaged, 0);
  t.deepEqual(runsOf(simulation, store, 0, 6, 1), [[6, 'right']]);
});

test('a read that fails, or a file that is too short: only what cannot be read is damaged', (t) => {
  const simulation = simulate(7, BATCH);
  const { disk } = simulation;
  put(simulation, openStrict(simulation), writeOf({ first: 0, count: 10 }, 1));
  disk.kill();
  disk.truncate(7);
  const again = openStrict(simulation);
  disk.failNext('read', new Error('EIO'));
  t.deepEqual(runsOf(simulation, again, 0, 10, 1), [
    [7, 'right'],
    [3, 'damaged'],
  ]);
});

test('the puts of a call share a commit; without room none of them takes effect', (t) => {
  for (const operation of ['write', 'flush', 'commit'] as const) {
    const seen = new Set<string>();
    for (let seed = 0; seed < 30; seed += 1) {
      const simulation = simulate(seed, BATCH);
      const { disk } = simulation;
      const store = openStrict(simulation);
      put(simulation, store, writeOf({ first: 0, count: 20 }, 1), writeOf({ first: 300, count: 5 }, 1));
      t.deepEqual(commitsIn(simulation), [25]);
      const slots = disk.slotsInUse.length;
      disk.failNext(operation, new NoSpace('no room'));
      const held = { stamp: strictStamp(2), origin: strictStamp(1), data: { held: strictStamp(1) } };
      const puts = [
        writeOf({ first: 0, count: 10 }, 2),
        { range: { first: 300, count: 5 }, ...held },
        writeOf({ first: 15, count: 5 }, 2, 'zeros'),
      ];
      const outcome = put(simulation, store, ...puts);
      seen.add(outcome);
      const isStored = outcome === 'stored';
      for (const sector of [0, 9, 15, 300, 304]) {
        t.deepEqual(store.versionOf(sector).stamp, strictStamp(isStored ? 2 : 1));
      }
      t.deepEqual(runsOf(simulation, store, 0, 15, 1)[0], isStored ? [15, 'wrong'] : [15, 'right']);
      t.deepEqual(runsOf(simulation, store, 300, 5, 1), [[5, 'right']]);
      t.is(disk.slotsInUse.length, isStored ? slots - 5 : slots);
      if (!isStored) t.is(put(simulation, store, ...puts), 'stored');
      disk.crash();
      const again = openStrict(simulation);
      t.deepEqual(runsOf(simulation, again, 0, 10, 2), [[10, 'right']]);
      t.deepEqual(again.versionOf(302), { stamp: strictStamp(2), origin: strictStamp(1) });
    }
    t.true(seen.has('full'), operation);
    if (operation === 'commit') t.is(seen.size, 2);
  }
});

test('a call that does not fit into a commit takes several; a range is in one of them', (t) => {
  const simulation = simulate(8, BATCH);
  const store = openStrict(simulation);
  const puts = [200, 56, 100, 256].map((count, index) => writeOf({ first: index * 256, count }, 1));
  t.is(put(simulation, store, ...puts), 'stored');
  t.deepEqual(commitsIn(simulation), [256, 100, 256]);
  t.is(put(simulation, store), 'stored');
});

test('puts of ranges that overlap, and stamps that fall, are refused', (t) => {
  const simulation = simulate(9, BATCH);
  const store = openStrict(simulation);
  const first = watch(store.putRanges([writeOf({ first: 0, count: 10 }, 5)]));
  const overlapping = watch(store.putRanges([writeOf({ first: 9, count: 2 }, 6)]));
  t.regex(String(overlapping.error), /puts of sector 9 overlap/);
  simulation.run();
  t.deepEqual(first.values, ['stored']);
  const falling = watch(store.putRanges([writeOf({ first: 3, count: 1 }, 4)]));
  t.regex(String(falling.error), /the stamp of sector 3 would fall/);
  const twice = [writeOf({ first: 20, count: 2 }, 5), writeOf({ first: 21, count: 2 }, 5)];
  t.regex(String(watch(store.putRanges(twice)).error), /puts of sector 21 overlap/);
});

test('what the base protocol has stored is there for the strict register, and its data is not written again', (t) => {
  const simulation = simulate(10, BATCH);
  const { disk } = simulation;
  const opened = simulation.open();
  t.is(simulation.valueOf(opened.put(5, stampOf(7, 2), dataOf(5))), 'stored');
  t.false(disk.allowsStrict);
  const store = simulation.valueOf(opened.openStrict());
  t.true(disk.allowsStrict);
  t.deepEqual(store.versionOf(5), versionOf(7, 2));
  const { stamp: held } = versionOf(7, 2);
  const settled: Version = { stamp: strictStamp(8), origin: held };
  put(simulation, store, { range: { first: 5, count: 1 }, ...settled, data: { held } });
  disk.crash();
  const again = openStrict(simulation);
  t.deepEqual(again.versionOf(5), settled);
  const [copy] = sectorsOf(simulation.valueOf(again.loadRange({ first: 5, count: 1 })));
  t.true(copy !== 'damaged' && isSame(copy, dataOf(5)));
});

interface Step {
  readonly kind: 'data' | 'zeros' | 'settle' | 'learn' | 'restart';
  readonly first: number;
  readonly count: number;
}

const steps: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom('data', 'data', 'data', 'zeros', 'settle', 'learn', 'restart'),
  first: fc.nat(60),
  count: fc.integer({ min: 1, max: 12 }),
});

interface Known {
  readonly version: Version;
  /** null: zeros. */
  readonly name: number | null;
}

const NEVER: Known = { version: VERSION_INITIAL, name: null };

/** Makes the step in the store and in the model. */
function take(simulation: Simulation, store: StrictStore, model: Map<number, Known>, step: Step, counter: number) {
  const { first, count } = step;
  const sectors = Array.from({ length: count }, (_, index) => first + index);
  const stamp = strictStamp(counter, ['A', 'B', 'C'][counter % 3]);
  if (step.kind === 'settle') {
    // Neighbours hold other versions: a put for each sector.
    const puts = sectors.map((sector) => {
      const { version } = model.get(sector) ?? NEVER;
      return { range: { first: sector, count: 1 }, stamp, origin: version.origin, data: { held: version.stamp } };
    });
    for (const sector of sectors) {
      const { version, name } = model.get(sector) ?? NEVER;
      model.set(sector, { version: { stamp, origin: version.origin }, name });
    }
    return simulation.valueOf(store.putRanges(puts));
  }
  const origin = step.kind === 'learn' ? strictStamp(counter, 'a') : stamp;
  const name = (sector: number): number => (step.kind === 'zeros' || sector % 5 === counter % 5 ? 0 : counter);
  for (const sector of sectors) model.set(sector, { version: { stamp, origin }, name: name(sector) || null });
  const data = step.kind === 'zeros' ? 'zeros' : rangeData({ first, count }, name);
  return simulation.valueOf(store.putRanges([{ range: { first, count }, stamp, origin, data }]));
}

function agrees(t: ExecutionContext, simulation: Simulation, store: StrictStore, model: Map<number, Known>): void {
  const found = sectorsOf(simulation.valueOf(store.loadRange({ first: 0, count: 80 })));
  t.is(found.length, 80);
  found.forEach((copy, sector) => {
    const { version, name } = model.get(sector) ?? NEVER;
    t.deepEqual(store.versionOf(sector), version);
    const data = name === null ? ZERO_SECTOR : dataOf(sector * 100_000 + name);
    t.true(copy !== 'damaged' && isSame(copy, data), `sector ${sector}`);
  });
}

test('it agrees with a model: writes, zeros, settles, versions learned, restarts', (t) => {
  fc.assert(
    fc.property(fc.array(steps, { minLength: 1, maxLength: 25 }), fc.nat(), (all, seed) => {
      const simulation = simulate(seed, 16);
      let store = openStrict(simulation);
      const model = new Map<number, Known>();
      all.forEach((step, index) => {
        if (step.kind === 'restart') {
          simulation.disk[seed % 2 === 0 ? 'crash' : 'kill']();
          store = openStrict(simulation);
        } else {
          t.is(take(simulation, store, model, step, index + 1), 'stored');
        }
      });
      agrees(t, simulation, store, model);
    }),
    { numRuns: 150 },
  );
});
