/** The store over a simulated disk: what happens in which order, and what if the disk fails. */
import test, { type ExecutionContext } from 'ava';
import { ZERO_SECTOR } from '../../src/core/sector.js';
import { STAMP_INITIAL } from '../../src/core/stamp.js';
import { NoSpace } from '../../src/ports/blockFiles.js';
import type { PutOutcome, SectorStore } from '../../src/ports/store.js';
import {
  BATCH_SECTORS,
  dataOf,
  isSame,
  simulate,
  stampOf,
  versionOf,
  watch,
  type Outcome,
  type Simulation,
} from './storeHarness.js';

/** Each value of each sector has data of its own. */
function valueOf(sector: number, timestamp: number): Uint8Array {
  return dataOf(sector * 1000 + timestamp);
}

function put(store: SectorStore, sector: number, timestamp: number): Outcome<PutOutcome> {
  return watch(store.put(sector, stampOf(timestamp), valueOf(sector, timestamp)));
}

function holds(
  t: ExecutionContext,
  simulation: Simulation,
  store: SectorStore,
  sector: number,
  timestamp: number,
): void {
  t.is(store.stampOf(sector).timestamp, BigInt(timestamp), `stamp of sector ${sector}`);
  const copy = simulation.valueOf(store.load(sector));
  const data = timestamp === 0 ? ZERO_SECTOR : valueOf(sector, timestamp);
  t.true(copy.kind === 'sound' && isSame(copy.data, data), `data of sector ${sector}`);
}

const commitsIn = ({ disk }: Simulation): readonly number[] =>
  disk.trace.flatMap((line) => (line.kind === 'committed' ? [line.sectors.length] : []));

test('data and metadata are flushed at the same time, both before the put is stored', (t) => {
  const orders = new Set<string>();
  for (let seed = 0; seed < 20; seed += 1) {
    const simulation = simulate(seed);
    const { disk } = simulation;
    const store = simulation.open();
    for (const sector of [3, 4]) {
      store.put(sector, stampOf(1), dataOf(sector)).subscribe(() => {
        disk.trace.push({ kind: 'stored', sector });
      });
    }
    simulation.run();
    const kinds = disk.trace.map(({ kind }) => kind);
    t.deepEqual(kinds.slice(0, 2), ['write', 'write']);
    t.deepEqual(kinds.slice(2, 4).toSorted(), ['committed', 'flushed']);
    t.deepEqual(kinds.slice(4), ['stored', 'stored']);
    orders.add(kinds.slice(2, 4).join());
  }
  t.is(orders.size, 2, 'neither waits for the other');
});

test('nothing is told of a commit whose records are durable and whose data is not', (t) => {
  const simulation = simulate(21);
  const { disk } = simulation;
  const store = simulation.open();
  put(store, 1, 1);
  simulation.run();
  const delaysMs = [50, 1];
  disk.delayMs = () => delaysMs.shift() ?? 1;
  const outcomes = [put(store, 1, 2), put(store, 2, 1)];
  simulation.run(10);
  t.is(disk.recordOf(1)?.stamp.counter, 2n, 'its records are durable');
  const listed = watch(store.list(0, 10));
  simulation.run(10);
  t.deepEqual(listed.values, [
    [
      { sector: 1, stamp: stampOf(1) },
      { sector: 2, stamp: STAMP_INITIAL },
    ],
  ]);
  t.is(store.counts().written, 1);
  t.deepEqual(
    outcomes.map(({ values }) => values),
    [[], []],
  );
  simulation.run();
  t.true(outcomes.every(({ values }) => values.join() === 'stored'));
});

test('puts that come while a commit runs share the next one, up to the size of a batch', (t) => {
  const simulation = simulate(2);
  const store = simulation.open();
  put(store, 0, 1);
  let more: Outcome<PutOutcome>[] = [];
  simulation.scheduler.schedule(() => {
    t.is(simulation.disk.trace.length, 1, 'the first commit is under way');
    more = Array.from({ length: 2 * BATCH_SECTORS + 3 }, (_, index) => put(store, index + 1, 1));
  });
  simulation.run();
  t.deepEqual(commitsIn(simulation), [1, BATCH_SECTORS, BATCH_SECTORS, 3]);
  t.true(more.every(({ values, isComplete }) => values.join() === 'stored' && isComplete));
});

test('a sector overwritten for ever uses two slots, in turn', (t) => {
  const simulation = simulate(3);
  const store = simulation.open();
  for (let timestamp = 1; timestamp <= 50; timestamp += 1) {
    t.deepEqual(put(store, 9, timestamp).values, []);
    simulation.run();
    holds(t, simulation, store, 9, timestamp);
  }
  t.is(simulation.disk.slotCount, 2);
  t.is(store.stats().slotCount, 1);
});

test('the file never has more slots than sectors with data and one batch', (t) => {
  const simulation = simulate(4);
  const store = simulation.open();
  const sectorCount = 100;
  for (let timestamp = 1; timestamp <= 20; timestamp += 1) {
    for (let sector = 0; sector < sectorCount; sector += 1) {
      const order = (sector * 37 + timestamp * 11) % sectorCount;
      put(store, order, timestamp);
      if (simulation.dice.below(7) === 0) simulation.run(simulation.dice.below(4));
    }
    simulation.run();
  }
  t.true(simulation.disk.slotCount <= sectorCount + BATCH_SECTORS, `${simulation.disk.slotCount}`);
  t.is(store.stats().slotCount, sectorCount);
  t.is(store.stats().writtenCount, sectorCount);
});

test('zeros take no slot, give theirs back, and need no flush of the data', (t) => {
  const simulation = simulate(5);
  const store = simulation.open();
  put(store, 1, 1);
  simulation.run();
  t.is(store.stats().slotCount, 1);
  simulation.disk.trace.length = 0;
  t.is(simulation.valueOf(store.put(1, stampOf(2), new Uint8Array(4096))), 'stored');
  t.deepEqual(simulation.disk.trace, [{ kind: 'committed', sectors: [1] }]);
  t.is(store.stats().slotCount, 0);
  t.is(simulation.disk.recordOf(1)?.slot, null);
  const copy = simulation.valueOf(store.load(1));
  t.true(copy.kind === 'sound' && isSame(copy.data, ZERO_SECTOR));
  t.is(store.stampOf(1).timestamp, 2n);
});

for (const operation of ['write', 'flush'] as const) {
  test(`no room at a ${operation}: all puts of the commit are refused, nothing changes`, (t) => {
    const simulation = simulate(6);
    const { disk } = simulation;
    const store = simulation.open();
    put(store, 1, 1);
    simulation.run();
    disk.failNext(operation, new NoSpace('no room'));
    const refused = [put(store, 1, 2), put(store, 2, 1), watch(store.put(3, stampOf(1), ZERO_SECTOR))];
    simulation.run();
    for (const { values, isComplete } of refused) {
      t.deepEqual(values, ['full']);
      t.true(isComplete);
    }
    holds(t, simulation, store, 1, 1);
    t.deepEqual(store.stampOf(2), STAMP_INITIAL);
    t.deepEqual(store.stampOf(3), STAMP_INITIAL);
    t.is(store.stats().slotCount, 1, 'the slots are free again');

    const again = [put(store, 1, 2), put(store, 2, 1)];
    simulation.run();
    t.true(again.every(({ values }) => values.join() === 'stored'));
    holds(t, simulation, store, 1, 2);
    holds(t, simulation, store, 2, 1);
    disk.crash();
    holds(t, simulation, simulation.open(), 1, 2);
  });
}

test('full is said once, and room once it has lasted', (t) => {
  const simulation = simulate(7);
  const { disk, log } = simulation;
  const store = simulation.open();
  disk.slotEnd = 0;
  for (let attempt = 0; attempt < 50; attempt += 1) {
    t.is(simulation.valueOf(store.put(attempt, stampOf(1), dataOf(1))), 'full');
    simulation.run(10);
  }
  disk.slotEnd = 10;
  t.is(simulation.valueOf(store.put(0, stampOf(1), dataOf(1))), 'stored');
  t.deepEqual(
    log.lines.map(({ fields }) => fields['event']),
    ['storeFull'],
    'it may only have room for the moment',
  );
  simulation.run(6_000);
  for (const sector of [1, 2, 3]) {
    t.is(simulation.valueOf(store.put(sector, stampOf(1), dataOf(1))), 'stored');
  }
  t.deepEqual(
    log.lines.map(({ fields }) => fields['event']),
    ['storeFull', 'storeRoom'],
  );
});

test('no room for metadata: what took effect is adopted, what did not is refused', (t) => {
  const seen = new Set<string>();
  for (let seed = 0; seed < 40; seed += 1) {
    const simulation = simulate(seed);
    const { disk } = simulation;
    const store = simulation.open();
    put(store, 1, 1);
    simulation.run();
    disk.failNext('commit', new NoSpace('no room'));
    const outcomes = [put(store, 1, 2), put(store, 2, 1)];
    simulation.run();
    const outcome = outcomes[0]?.values.join() ?? '';
    seen.add(outcome);
    t.is(outcomes[1]?.values.join(), outcome, 'a batch happens as a whole');
    const isStored = outcome === 'stored';
    holds(t, simulation, store, 1, isStored ? 2 : 1);
    holds(t, simulation, store, 2, isStored ? 1 : 0);
    t.is(store.stats().slotCount, isStored ? 2 : 1);
    // It goes on by itself.
    const next = put(store, 2, 2);
    simulation.run();
    t.deepEqual(next.values, ['stored']);
    disk.crash();
    const restarted = simulation.open();
    holds(t, simulation, restarted, 1, isStored ? 2 : 1);
    holds(t, simulation, restarted, 2, 2);
  }
  t.deepEqual([...seen].sort(), ['full', 'stored']);
});

test('while the metadata cannot be opened again, other puts are refused and loads served', (t) => {
  const simulation = simulate(8);
  const { disk } = simulation;
  const store = simulation.open();
  put(store, 1, 1);
  simulation.run();
  disk.failNext('commit', new NoSpace('no room'));
  for (let attempt = 0; attempt < 3; attempt += 1) disk.failNext('reopen', new NoSpace('no room'));
  const uncertain = put(store, 1, 2);
  simulation.run(100);
  const other = put(store, 5, 1);
  simulation.run(100);
  t.deepEqual(other.values, ['full']);
  t.deepEqual(uncertain.values, [], 'nobody knows yet');
  t.is(store.stampOf(1).timestamp, 1n);
  const load = watch(store.load(1));
  simulation.run(100);
  t.is(load.values[0]?.kind, 'sound');
  const listed = watch(store.list(0, 9));
  const noted = watch(store.notes.put(new Map([['scrub', Uint8Array.of(1)]])));
  simulation.run(100);
  t.true(listed.error instanceof NoSpace, 'there is no list then');
  t.true(noted.error instanceof NoSpace);
  simulation.run(10_000);
  t.is(simulation.valueOf(store.list(0, 9))[0].sector, 1);
  t.is(uncertain.values.length, 1);
  t.is(store.stampOf(1).timestamp, uncertain.values[0] === 'stored' ? 2n : 1n);
  t.is(simulation.valueOf(store.put(5, stampOf(1), dataOf(5))), 'stored');
});

for (const operation of ['write', 'flush', 'commit'] as const) {
  test(`any other failure of a ${operation} ends everything: nothing is retried`, (t) => {
    const simulation = simulate(9);
    const { disk } = simulation;
    const store = simulation.open();
    put(store, 1, 1);
    simulation.run();
    disk.failNext(operation, new Error(`/d/file: ${operation}: EIO`));
    const failed = [put(store, 1, 2), put(store, 2, 1)];
    simulation.run(0);
    const waiting = put(store, 3, 1);
    simulation.run();
    const late = put(store, 4, 1);
    const traceLength = disk.trace.length;
    simulation.run();
    for (const { values, error, isComplete } of [...failed, waiting, late]) {
      t.deepEqual(values, []);
      t.false(isComplete);
      t.like(error, { code: 'ATDD_STORE_FAILED' });
      t.regex(String(error), new RegExp(`/d/file: ${operation}: EIO`));
    }
    t.is(disk.trace.length, traceLength, 'the disk is left alone');
    t.is(store.stampOf(1).timestamp, 1n);
  });
}

test('a failed reopen ends everything too', (t) => {
  const simulation = simulate(10);
  const store = simulation.open();
  simulation.disk.failNext('commit', new NoSpace('no room'));
  simulation.disk.failNext('reopen', new Error('EIO'));
  const { error } = put(store, 1, 1);
  t.is(error, undefined);
  const outcome = put(store, 2, 1);
  simulation.run();
  t.like(outcome.error, { code: 'ATDD_STORE_FAILED' });
});

test('a flipped bit, a failed read, a lost slot: damaged, logged once, mended by a put', (t) => {
  const simulation = simulate(11);
  const { disk, log } = simulation;
  const store = simulation.open();
  for (const sector of [1, 2, 3]) put(store, sector, 1);
  simulation.run();
  disk.flipBit(disk.recordOf(1)?.slot ?? -1);
  for (let attempt = 0; attempt < 5; attempt += 1) {
    t.deepEqual(simulation.valueOf(store.load(1)), { kind: 'damaged' });
  }
  t.deepEqual(
    log.lines.map(({ level, fields }) => [level, fields['event'], fields['sector']]),
    [['error', 'sectorDamaged', 1]],
  );
  t.is(store.stampOf(1).timestamp, 1n, 'the stamp is still known');
  disk.failNext('read', new Error('EIO'));
  t.deepEqual(simulation.valueOf(store.load(2)), { kind: 'damaged' });
  holds(t, simulation, store, 3, 1);
  // The same value again: a copy from another process mends this one.
  t.is(simulation.valueOf(store.put(1, stampOf(1), valueOf(1, 1))), 'stored');
  holds(t, simulation, store, 1, 1);
});

test('damage of many sectors is logged at most once a second', (t) => {
  const simulation = simulate(12);
  const { disk, log } = simulation;
  const store = simulation.open();
  for (let sector = 0; sector < 60; sector += 1) put(store, sector, 1);
  simulation.run();
  for (let slot = 0; slot < 60; slot += 1) disk.flipBit(slot);
  for (let sector = 0; sector < 50; sector += 1) simulation.valueOf(store.load(sector));
  t.is(log.lines.length, 1);
  simulation.run(1_001);
  simulation.valueOf(store.load(55));
  t.is(log.lines.length, 2);
  t.is(log.lines[1]?.fields['othersNotLogged'], 49);
});

test('a slot whose data belong to another sector or another write is damaged', (t) => {
  const simulation = simulate(13);
  const { disk } = simulation;
  const store = simulation.open();
  put(store, 1, 1);
  put(store, 2, 1);
  simulation.run();
  const one = disk.recordOf(1);
  const two = disk.recordOf(2);
  t.truthy(one && two);
  if (!one || !two) return;
  // As if the disk had put each one's data into the other's place.
  disk.setRecord({ ...one, slot: two.slot });
  disk.setRecord({ ...two, slot: one.slot });
  disk.crash();
  const restarted = simulation.open();
  t.deepEqual(simulation.valueOf(restarted.load(1)), { kind: 'damaged' });
  t.deepEqual(simulation.valueOf(restarted.load(2)), { kind: 'damaged' });
});

test('a data file that is too short: those sectors are damaged, the others served', (t) => {
  const simulation = simulate(14);
  const { disk, log } = simulation;
  const store = simulation.open();
  for (let sector = 0; sector < 5; sector += 1) put(store, sector, 1);
  simulation.run();
  disk.crash();
  disk.truncate(3);
  const restarted = simulation.open();
  t.deepEqual(
    log.lines.map(({ level, fields }) => [level, fields['event'], fields['count']]),
    [['error', 'sectorsLost', 2]],
  );
  t.deepEqual(log.lines[0]?.fields['firstSectors'], [3, 4]);
  for (const sector of [0, 1, 2]) holds(t, simulation, restarted, sector, 1);
  t.deepEqual(simulation.valueOf(restarted.load(3)), { kind: 'damaged' });
  t.is(restarted.stampOf(3).timestamp, 1n);
  // New sectors do not get the lost slots; a lost sector comes back with its next value.
  for (let sector = 10; sector < 20; sector += 1) put(restarted, sector, 1);
  put(restarted, 3, 2);
  simulation.run();
  holds(t, simulation, restarted, 3, 2);
  t.deepEqual(simulation.valueOf(restarted.load(4)), { kind: 'damaged' });
  disk.crash();
  const again = simulation.open();
  holds(t, simulation, again, 3, 2);
  for (let sector = 10; sector < 20; sector += 1) holds(t, simulation, again, sector, 1);
});

test('metadata that contradict themselves are refused, with what was found', (t) => {
  const simulation = simulate(15);
  const record = { ...versionOf(1), sector: 8, slot: 4, checksum: 0 };
  simulation.disk.setRecord(record);
  simulation.disk.setRecord({ ...record, sector: 9 });
  const twice = simulation.tryOpen();
  t.like(twice.error, {
    code: 'ATDD_STORE_CORRUPT',
    message: 'the metadata say that slot 4 holds both sector 8 and sector 9',
  });

  simulation.disk.setRecord({ ...record, sector: 9, slot: 900_000_000 });
  t.like(simulation.tryOpen().error, {
    code: 'ATDD_STORE_CORRUPT',
    message: 'the metadata say that sector 9 is in slot 900000000, but only 2 sectors were ever written',
  });
});

test('puts of one sector may not overlap, stamps may not fall', (t) => {
  const simulation = simulate(16);
  const store = simulation.open();
  put(store, 1, 5);
  t.regex(String(put(store, 1, 6).error), /puts of sector 1 overlap/);
  simulation.run();
  t.regex(String(put(store, 1, 4).error), /the stamp of sector 1 would fall/);
  const lowerRank = watch(store.put(1, stampOf(5, 0), dataOf(1)));
  t.regex(String(lowerRank.error), /the stamp of sector 1 would fall/);
});

test('whoever stops listening does not stop the put', (t) => {
  const simulation = simulate(17);
  const store = simulation.open();
  store.put(1, stampOf(1), valueOf(1, 1)).subscribe().unsubscribe();
  simulation.run();
  holds(t, simulation, store, 1, 1);
});

test('close waits for the commit under way and refuses the rest', (t) => {
  const simulation = simulate(18);
  const store = simulation.open();
  const running = put(store, 1, 1);
  simulation.run(0);
  const waiting = put(store, 2, 1);
  const closed = watch(store.close());
  t.false(closed.isComplete);
  t.like(waiting.error, { code: 'ATDD_STORE_FAILED', message: 'the store is closed' });
  simulation.run();
  t.deepEqual(running.values, ['stored']);
  t.true(closed.isComplete);
  t.like(put(store, 3, 1).error, { message: 'the store is closed' });
  holds(t, simulation, simulation.open(), 1, 1);
});

test('close does not wait for room', (t) => {
  const simulation = simulate(19);
  const store = simulation.open();
  simulation.disk.failNext('commit', new NoSpace('no room'));
  for (let attempt = 0; attempt < 50; attempt += 1) {
    simulation.disk.failNext('reopen', new NoSpace('no room'));
  }
  const uncertain = put(store, 1, 1);
  simulation.run(2_000);
  const closed = watch(store.close());
  simulation.run(100);
  t.true(closed.isComplete);
  t.like(uncertain.error, { message: 'the store is closed' });
  const scheduled = simulation.scheduler.actions.length;
  t.is(scheduled, 0, 'no attempt is left behind');
});

test('nor does a close that came before the commit found no room', (t) => {
  const simulation = simulate(20);
  const store = simulation.open();
  simulation.disk.failNext('commit', new NoSpace('no room'));
  for (let attempt = 0; attempt < 50; attempt += 1) {
    simulation.disk.failNext('reopen', new NoSpace('no room'));
  }
  const uncertain = put(store, 1, 1);
  simulation.run(0);
  const closed = watch(store.close());
  simulation.run(200);
  t.true(closed.isComplete);
  t.like(uncertain.error, { message: 'the store is closed' });
});
