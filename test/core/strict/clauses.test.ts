/** One test or more for each clause of docs/strict-register.md: a state, some events, and exactly what comes of it. */
import test from 'ava';
import { PromiseTable } from '../../../src/core/strict/promises.js';
import { decide, whenFull, withCopies } from '../../../src/core/strict/replica.js';
import { STRICT_STAMP_INITIAL, VERSION_INITIAL } from '../../../src/core/strict/version.js';
import { Operation, bytes, copies, mixed, range, stamp, stateRun, version } from './make.js';

const write = (byte: number, count = 1) => ({ kind: 'write', data: bytes(byte, count) }) as const;
const read = { kind: 'read' } as const;
const first = range(0, 1);

test('A1: QUERY says version and promise, in runs', (t) => {
  const view = copies(
    { of: version(stamp(3)) },
    { of: version(stamp(3)) },
    { of: version(stamp(5), stamp(3)), promised: stamp(9) },
  );
  const decision = decide({ kind: 'query', range: range(0, 4), wantsData: true }, view);
  t.deepEqual(decision.loads, [range(0, 4)]);
  const loaded = [
    { count: 1, data: bytes(1) },
    { count: 3, data: mixed(2, 3, 0) },
  ];
  t.deepEqual(withCopies(decision.answer, loaded), {
    kind: 'state',
    runs: [
      stateRun(version(stamp(3)), bytes(1)),
      stateRun(version(stamp(3)), bytes(2)),
      stateRun(version(stamp(5), stamp(3)), bytes(3), 1, stamp(9)),
      stateRun(VERSION_INITIAL, bytes(0)),
    ],
  });
});

test('A1: a damaged copy is told from a sound one of the same version', (t) => {
  const view = copies({ of: version(stamp(3)) }, { of: version(stamp(3)), isDamaged: true });
  const { answer } = decide({ kind: 'query', range: range(0, 2), wantsData: false }, view);
  const runs = [stateRun(version(stamp(3))), stateRun(version(stamp(3)), 'damaged')];
  t.deepEqual(answer, { kind: 'state', runs });
});

test('A2: ORDER is granted above the promise, and refused at and below it, sector by sector', (t) => {
  const view = copies(
    { of: version(stamp(3)), promised: stamp(4) },
    { of: version(stamp(3)), promised: stamp(7) },
    { of: version(stamp(5)) },
    { of: version(stamp(1)) },
  );
  const decision = decide({ kind: 'order', range: range(0, 4), stamp: stamp(5), wants: 'nothing' }, view);
  t.deepEqual(decision.answer, {
    kind: 'ordered',
    runs: [
      { outcome: 'granted', count: 1, version: null, data: null },
      { outcome: 'refused', count: 1, promised: stamp(7) },
      { outcome: 'refused', count: 1, promised: stamp(5) },
      { outcome: 'granted', count: 1, version: null, data: null },
    ],
  });
  t.deepEqual(decision.promises, [range(0, 1), range(3, 1)]);
});

test('A2: an ORDER that repeats the one that was promised to is granted, until its STORE', (t) => {
  const order = { kind: 'order', range: first, stamp: stamp(5), wants: 'data' } as const;
  const again = decide(order, copies({ of: version(stamp(3)), promised: stamp(5) }));
  t.deepEqual(again.loads, [first]);
  t.deepEqual(withCopies(again.answer, [{ count: 1, data: bytes(1) }]), {
    kind: 'ordered',
    runs: [{ outcome: 'granted', count: 1, version: version(stamp(3)), data: bytes(1) }],
  });
  const { answer } = decide(order, copies({ of: version(stamp(5)) }));
  t.deepEqual(answer, { kind: 'ordered', runs: [{ outcome: 'refused', count: 1, promised: stamp(5) }] });
});

test('A3, E5: STORE is taken at and above the promise only, whatever is held', (t) => {
  const view = copies(
    { of: version(stamp(3)), promised: stamp(5) },
    { of: version(stamp(3)), promised: stamp(6) },
    // Rolled forward, and then promised away: acknowledged by nothing but the promise.
    { of: version(stamp(5)), promised: stamp(7) },
    { of: version(stamp(6), stamp(5)) },
    { of: version(stamp(5)) },
  );
  const store = {
    kind: 'store',
    range: range(0, 6),
    stamp: stamp(5),
    origin: stamp(2),
    data: mixed(1, 2, 3, 4, 5, 6),
  } as const;
  const { answer, puts } = decide(store, view);
  t.deepEqual(answer, {
    kind: 'stored',
    runs: [
      { outcome: 'stored', count: 1 },
      { outcome: 'refused', count: 1, promised: stamp(6) },
      { outcome: 'refused', count: 1, promised: stamp(7) },
      { outcome: 'refused', count: 1, promised: stamp(6) },
      { outcome: 'stored', count: 2 },
    ],
  });
  t.deepEqual(puts, [
    { range: range(0, 1), stamp: stamp(5), origin: stamp(2), data: bytes(1) },
    { range: range(5, 1), stamp: stamp(5), origin: stamp(2), data: bytes(6) },
  ]);
  // There is no room for these two: what was there is still stored.
  t.deepEqual(whenFull(store, { answer, puts, loads: [], promises: [] }).runs.slice(-2), [
    { outcome: 'stored', count: 1 },
    { outcome: 'full', count: 1 },
  ]);
});

test('A3: a STORE of what is held takes the version with that stamp, if it is sound', (t) => {
  const view = copies(
    { of: version(stamp(3), stamp(2)), promised: stamp(5) },
    { of: version(stamp(2)), promised: stamp(5) },
    { of: version(stamp(3), stamp(2)), isDamaged: true },
    { of: version(stamp(5), stamp(2)) },
  );
  const data = { held: stamp(3) };
  const { answer, puts } = decide({ kind: 'store', range: range(0, 4), stamp: stamp(5), origin: stamp(2), data }, view);
  t.deepEqual(answer, {
    kind: 'stored',
    runs: [
      { outcome: 'stored', count: 1 },
      { outcome: 'lacks', count: 2 },
      { outcome: 'stored', count: 1 },
    ],
  });
  t.deepEqual(puts, [{ range: first, stamp: stamp(5), origin: stamp(2), data }]);
});

test('A3: a repeated STORE mends a copy that is damaged', (t) => {
  const view = copies({ of: version(stamp(5)), isDamaged: true });
  const { puts } = decide({ kind: 'store', range: first, stamp: stamp(5), origin: stamp(5), data: bytes(1) }, view);
  t.is(puts.length, 1);
});

test('A4: a floor is promised for every sector of a region, until something newer is stored', (t) => {
  const table = new PromiseTable(100);
  table.raiseFloor(1, stamp(9));
  t.deepEqual(table.promisedOf(1024, stamp(3)), stamp(9));
  t.deepEqual(table.promisedOf(2047, STRICT_STAMP_INITIAL), stamp(9));
  t.deepEqual(table.promisedOf(1023, stamp(3)), stamp(3));
  t.deepEqual(table.promisedOf(1024, stamp(12)), stamp(12));
  table.meet(range(1024, 256), stamp(8));
  t.deepEqual(table.promisedOf(1024, stamp(8)), stamp(9));
  for (const at of [1024, 1280, 1536, 1792]) {
    t.true(table.isOpen(1));
    table.meet(range(at, 256), stamp(10));
  }
  t.false(table.isOpen(1));
  t.deepEqual(table.counts(), { promises: 0, floors: 0 });
});

test('B1: a majority that is ordered, and the data goes to all; `first` is that stamp', (t) => {
  const w = new Operation(write(7), first);
  t.deepEqual(w.requests, ['1 ORDER 0+1 11c', '2 ORDER 0+1 11c', '3 ORDER 0+1 11c']);
  t.deepEqual(w.granted(3).requests, []);
  t.deepEqual(w.granted(1).requests, ['1 STORE 0+1 11c/11c 7', '2 STORE 0+1 11c/11c 7', '3 STORE 0+1 11c/11c 7']);
});

test('B1: after a refusal the next stamp is above the promise, and `first` is not the one that was refused', (t) => {
  const w = new Operation(write(7), first).refused(2, stamp(30, 'x'));
  t.deepEqual(w.requests, ['1 ORDER 0+1 31c', '2 ORDER 0+1 31c', '3 ORDER 0+1 31c']);
  w.granted(1).granted(2);
  t.is(w.requests[0], '1 STORE 0+1 31c/31c 7');
});

test('B1: the first refusal costs no pause, the next ones do', (t) => {
  const w = new Operation(write(7), first).refused(2, stamp(30, 'x')).refused(2, stamp(40, 'x'));
  t.deepEqual(w.requests, []);
  t.deepEqual(w.outcomes, ['0+1 pause contention 2']);
  t.is(w.resume().requests[0], '1 ORDER 0+1 41c');
});

test('B2: done with a majority; CONCLUDED when all have answered', (t) => {
  const w = new Operation(write(7), first).granted(1).granted(2).stored(3);
  t.deepEqual(w.outcomes, []);
  t.deepEqual(w.stored(1).outcomes, ['0+1 done']);
  t.deepEqual(w.stored(2).outcomes, ['0+1 concluded 11c lacking []']);
  t.is(w.coordination.parts.length, 0);
});

test('B2: whoever is down is lacking, and whoever comes up before the end is asked', (t) => {
  const w = new Operation(write(7), first, { down: [1, 3] });
  t.deepEqual(w.requests, ['2 ORDER 0+1 11c']);
  w.down.delete(3);
  t.deepEqual(w.feed({ kind: 'up', rank: 3 }).requests, ['3 ORDER 0+1 11c']);
  t.deepEqual(w.granted(2).granted(3).requests, ['2 STORE 0+1 11c/11c 7', '3 STORE 0+1 11c/11c 7']);
  t.deepEqual(w.stored(2).stored(3).outcomes, ['0+1 done', '0+1 concluded 11c lacking [1]']);
});

test('B2: a refusal leads to a pause, and a majority that comes during it still counts', (t) => {
  const w = new Operation(write(7), first).granted(1).granted(2).refused(3, stamp(30, 'x'));
  t.deepEqual(w.outcomes, ['0+1 pause contention 1']);
  t.deepEqual(w.stored(1).stored(2).outcomes, ['0+1 done', '0+1 concluded 11c lacking [3]']);
});

test('B2: a replica without room is asked again after a pause', (t) => {
  const w = new Operation(write(7), first).granted(1).granted(2);
  w.answer(1, { kind: 'stored', runs: [{ outcome: 'full', count: 1 }] });
  t.deepEqual(w.outcomes, ['0+1 pause full 1']);
  t.deepEqual(w.resume().requests, ['1 STORE 0+1 11c/11c 7']);
});

/** A writer whose STORE with stamp 11 was refused by two. */
const refusedWriter = (): Operation =>
  new Operation(write(7), first).granted(1).granted(2).refused(2, stamp(20, 'x')).refused(3, stamp(20, 'x')).resume();

test('B3: an older value is overwritten with the own one, whose origin stays', (t) => {
  const w = refusedWriter();
  t.deepEqual(w.requests, ['1 ORDER 0+1 21c versions', '2 ORDER 0+1 21c versions', '3 ORDER 0+1 21c versions']);
  w.granted(2, version(stamp(20, 'x'), stamp(8, 'x'))).granted(3, version(stamp(20, 'x'), stamp(8, 'x')));
  t.is(w.requests[0], '1 STORE 0+1 21c/11c 7');
});

test('B3: the own value that was rolled forward is kept, and those that hold it get no data', (t) => {
  const w = refusedWriter();
  const rolled = version(stamp(20, 'x'), stamp(11));
  w.granted(2, rolled).granted(3, rolled);
  // Replica 1 may need the data, so it is fetched.
  t.deepEqual(w.requests, ['2 ORDER 0+1 21c data']);
  w.granted(2, rolled, bytes(7));
  t.deepEqual(w.requests, [
    '1 STORE 0+1 21c/11c 7',
    '2 STORE 0+1 21c/11c held 20c'.replace('20c', '20x'),
    '3 STORE 0+1 21c/11c held 20x',
  ]);
});

test('B3: behind a newer write the own one is over', (t) => {
  const w = refusedWriter();
  const newer = version(stamp(20, 'x'), stamp(15, 'x'));
  w.granted(2, newer).granted(3, newer).granted(2, newer, bytes(9));
  t.is(w.requests[0], '1 STORE 0+1 21c/15x 9');
  t.deepEqual(w.stored(1).stored(2).outcomes, ['0+1 done']);
});

test('C1: two that agree are enough: one round, no write', (t) => {
  const r = new Operation(read, first);
  t.deepEqual(r.requests, ['1 QUERY 0+1 data', '2 QUERY 0+1']);
  r.state(1, stateRun(version(stamp(5)), bytes(4))).state(2, stateRun(version(stamp(5))));
  t.deepEqual(r.requests, []);
  t.deepEqual(r.outcomes, ['0+1 done 4']);
  t.is(r.coordination.parts.length, 0);
});

test('C1: a range of many versions on which a majority agrees is one round, and one part', (t) => {
  const r = new Operation(read, range(0, 4));
  const of = [1, 2, 3, 4].map((counter) => version(stamp(counter)));
  r.state(1, ...of.map((one, index) => stateRun(one, bytes(index + 1)))).state(2, ...of.map((one) => stateRun(one)));
  t.deepEqual(r.outcomes, ['0+4 done 1 2 3 4']);
});

test('C1: where two do not agree, the third is asked about that alone', (t) => {
  const r = new Operation(read, range(0, 3));
  const old = version(stamp(5));
  r.state(1, stateRun(old, bytes(4, 3), 3)).state(2, stateRun(old), stateRun(version(stamp(6)), null, 2));
  t.deepEqual(r.outcomes, ['0+1 done 4']);
  t.deepEqual(r.requests, ['3 QUERY 1+2 data']);
  // The majority that holds m, and has promised nothing above it, is 1 and 3.
  t.deepEqual(r.state(3, stateRun(old, bytes(4, 2), 2)).outcomes, ['1+2 done 4 4']);
});

test('C1: what a majority lacks is written back before it is returned', (t) => {
  const r = new Operation(read, first);
  const m = version(stamp(6), stamp(3));
  r.state(1, stateRun(m, bytes(4)))
    .state(2, stateRun(version(stamp(5))))
    .state(3, stateRun(version(stamp(4))));
  t.deepEqual(r.requests, ['2 STORE 0+1 6c/3c 4', '3 STORE 0+1 6c/3c 4']);
  t.deepEqual(r.stored(3).outcomes, ['0+1 done 4']);
  t.deepEqual(r.stored(2).outcomes, ['0+1 concluded 6c lacking []']);
});

test('C1: a silent replica is not waited for after the delay', (t) => {
  const r = new Operation(read, first).state(2, stateRun(version(stamp(6)), null));
  t.deepEqual(r.hedge().requests, ['3 QUERY 0+1 data']);
  t.deepEqual(r.state(3, stateRun(version(stamp(6)), bytes(4))).outcomes, ['0+1 done 4']);
});

test('C1: a damaged copy is not counted as held', (t) => {
  const m = version(stamp(6));
  const r = new Operation(read, first).state(1, stateRun(m, 'damaged')).state(2, stateRun(m));
  t.deepEqual(r.requests, ['3 QUERY 0+1 data']);
  t.deepEqual(r.state(3, stateRun(m, bytes(4))).outcomes, ['0+1 done 4']);
});

test('C1: nothing older is returned for a version whose copies are damaged: more must answer', (t) => {
  const r = new Operation(read, first, { down: [3] });
  r.state(1, stateRun(version(stamp(6)), 'damaged'))
    .state(2, stateRun(version(stamp(5))))
    .hedge();
  t.deepEqual(r.outcomes, []);
  t.is(r.coordination.parts.length, 1);
});

test('C2: a promise above all that is stored: a pause, a second QUERY, then a settle', (t) => {
  const m = version(stamp(5), stamp(4));
  const promised = (data: Uint8Array | null = null) => stateRun(m, data, 1, stamp(9, 'x'));
  const r = new Operation(read, first)
    .state(1, promised(bytes(4)))
    .state(2, promised())
    .state(3, promised());
  t.deepEqual(r.outcomes, ['0+1 pause living 1']);
  t.deepEqual(r.resume().requests, ['1 QUERY 0+1 data', '2 QUERY 0+1']);
  r.state(1, promised(bytes(4)))
    .state(2, promised())
    .state(3, promised());
  t.deepEqual(r.requests, ['1 ORDER 0+1 11c data', '2 ORDER 0+1 11c versions', '3 ORDER 0+1 11c versions']);
  r.granted(1, m, bytes(4)).granted(3, version(stamp(3)));
  // Replica 3 did not have m, and replica 2 has not said.
  t.deepEqual(r.requests, ['1 STORE 0+1 11c/4c held 5c', '2 STORE 0+1 11c/4c 4', '3 STORE 0+1 11c/4c 4']);
  t.deepEqual(r.stored(1).stored(3).outcomes, ['0+1 done 4']);
});

test('C2: m is the version with the highest stamp, not with the highest origin', (t) => {
  const u = new Operation({ kind: 'update', change: () => bytes(1) }, first);
  u.granted(1, version(stamp(5), stamp(5)), bytes(5)).granted(2, version(stamp(6), stamp(2)));
  t.deepEqual(u.requests, ['2 ORDER 0+1 11c data']);
});

test('D1: LEARN is taken above what is stored, whatever is promised, and the promise stays', (t) => {
  const view = copies({ of: version(stamp(3)), promised: stamp(9) }, { of: version(stamp(7)) });
  const learn = { kind: 'learn', range: range(0, 2), stamp: stamp(5), origin: stamp(4), data: bytes(1, 2) } as const;
  const { answer, puts, promises } = decide(learn, view);
  t.deepEqual(answer, { kind: 'stored', runs: [{ outcome: 'stored', count: 2 }] });
  t.deepEqual(puts, [{ range: first, stamp: stamp(5), origin: stamp(4), data: bytes(1) }]);
  t.deepEqual(promises, []);
  const table = new PromiseTable(10);
  table.promise(first, stamp(9));
  table.meet(first, stamp(5));
  t.deepEqual(table.promisedOf(0, stamp(5)), stamp(9));
});

test('E4: an answer of an earlier incarnation is dropped', (t) => {
  const w = new Operation(write(7), first);
  w.incarnations = [0, 1, 0];
  w.granted(2).granted(1);
  t.deepEqual(w.requests, []);
  t.is(w.granted(3).requests.length, 3);
});

test('E4: an answer that was counted in this phase is dropped too, and asked for again', (t) => {
  const w = new Operation(write(7), first).granted(2);
  w.incarnations = [0, 1, 0];
  t.deepEqual(w.feed({ kind: 'incarnations', known: [0, 1, 0] }).requests, ['2 ORDER 0+1 11c']);
  t.deepEqual(w.granted(1).requests, []);
  t.is(
    w.answer(2, { kind: 'ordered', runs: [{ outcome: 'granted', count: 1, version: null, data: null }] }, 1).requests
      .length,
    3,
  );
});

test('E4: a STORED of an earlier incarnation is dropped', (t) => {
  const w = new Operation(write(7), first).granted(1).granted(2).stored(2);
  w.incarnations = [0, 1, 0];
  w.feed({ kind: 'incarnations', known: [0, 1, 0] });
  t.deepEqual(w.stored(1).outcomes, []);
  t.deepEqual(w.stored(3).outcomes, ['0+1 done']);
});

test('F1, F2: an update keeps the origin of what it has changed, and knows its result by the stamp', (t) => {
  const change = (current: Uint8Array) => bytes(current[0] + 1);
  const u = new Operation({ kind: 'update', change }, first);
  const m = version(stamp(5), stamp(4));
  u.granted(1, m, bytes(4)).granted(2, m);
  t.is(u.requests[0], '1 STORE 0+1 11c/4c 5');
  u.refused(2, stamp(20, 'x')).refused(3, stamp(20, 'x')).resume();
  u.granted(1, version(stamp(11), stamp(4)), bytes(5)).granted(2, m);
  t.is(u.requests[1], '2 STORE 0+1 21c/4c 5');
  t.deepEqual(u.stored(1).stored(2).outcomes, ['0+1 done 5']);
});

test('F2: what was rolled forward is an own result, too: it is rolled forward again', (t) => {
  const u = new Operation({ kind: 'update', change: () => bytes(5) }, first);
  u.granted(1, version(stamp(5)), bytes(4)).granted(2, version(stamp(5)));
  u.refused(2, stamp(20, 'x')).refused(3, stamp(20, 'x')).resume();
  u.granted(1, version(stamp(11), stamp(5)), bytes(5)).granted(2, version(stamp(5)));
  u.refused(2, stamp(30, 'x')).refused(3, stamp(30, 'x')).resume();
  u.granted(1, version(stamp(21), stamp(5)), bytes(5)).granted(2, version(stamp(5)));
  t.is(u.requests[0], '1 STORE 0+1 31c/5c held 21c');
  t.deepEqual(u.stored(1).stored(2).outcomes, ['0+1 done 5']);
});

test('F2, F3: another has settled the sector: unknown; nothing was stored: it is computed again', (t) => {
  const change = (current: Uint8Array) => bytes(current[0] + 1);
  const begin = () => {
    const u = new Operation({ kind: 'update', change }, first);
    u.granted(1, version(stamp(5)), bytes(4)).granted(2, version(stamp(5)));
    return u.refused(2, stamp(20, 'x')).refused(3, stamp(20, 'x')).resume();
  };
  const settled = version(stamp(20, 'x'), stamp(5));
  const u = begin().granted(1, settled, bytes(9)).granted(2, settled);
  t.is(u.requests[1], '2 STORE 0+1 21c/5c held 20x');
  t.deepEqual(u.stored(1).stored(2).outcomes, ['0+1 unknown']);
  const again = begin()
    .granted(1, version(stamp(8, 'x')), bytes(9))
    .granted(2, version(stamp(8, 'x')));
  t.is(again.requests[1], '2 STORE 0+1 21c/8x 10');
});

test('F2: what every replica has refused was stored nowhere: it is computed again, whoever came between', (t) => {
  const change = (current: Uint8Array) => bytes(current[0] + 1);
  const settled = version(stamp(20, 'x'), stamp(5));
  const begin = () => {
    const u = new Operation({ kind: 'update', change }, first);
    u.granted(1, version(stamp(5)), bytes(4)).granted(2, version(stamp(5)));
    return u.refused(2, stamp(20, 'x')).refused(3, stamp(20, 'x'));
  };
  const u = begin().refused(1, stamp(20, 'x')).resume();
  u.granted(1, settled, bytes(9)).granted(2, settled);
  t.is(u.requests[1], '2 STORE 0+1 21c/5c 10');
  // Replica 1 was asked twice, or is gone without an answer: it may have stored the result.
  const again = begin().feed({ kind: 'up', rank: 1 }).refused(1, stamp(20, 'x')).resume();
  again.granted(1, settled, bytes(9)).granted(2, settled);
  t.is(again.requests[1], '2 STORE 0+1 21c/5c held 20x');
  const gone = begin().feed({ kind: 'down', rank: 1 }).resume();
  gone.granted(1, settled, bytes(9)).granted(2, settled);
  t.is(gone.requests[1], '2 STORE 0+1 21c/5c held 20x');
});

test('ranges: a STORE that is refused in the middle divides the range', (t) => {
  const w = new Operation(write(7, 5), range(0, 5)).granted(1, null, null, 5).granted(2, null, null, 5).stored(1, 5);
  w.answer(2, {
    kind: 'stored',
    runs: [
      { outcome: 'stored', count: 2 },
      { outcome: 'refused', count: 1, promised: stamp(20, 'x') },
      { outcome: 'stored', count: 2 },
    ],
  });
  t.deepEqual(w.outcomes, ['0+2 done', '2+1 pause contention 1', '3+2 done']);
  t.deepEqual(w.stored(3, 5).outcomes, [
    '0+2 concluded 11c lacking []',
    '2+1 done',
    '2+1 concluded 11c lacking [2]',
    '3+2 concluded 11c lacking []',
  ]);
});
