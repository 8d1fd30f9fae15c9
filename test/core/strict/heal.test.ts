/** What a heal does: it hands over what is settled (D1), and settles where a promise is above that (C2). */
import test from 'ava';
import { Operation, bytes, range, stamp, stateRun, version } from './make.js';

const heal = { kind: 'heal' } as const;
const first = range(0, 1);

test('D1: a heal hands what is settled to those that lack it', (t) => {
  const m = version(stamp(6), stamp(3));
  const h = new Operation(heal, first);
  t.deepEqual(h.requests, ['1 QUERY 0+1', '2 QUERY 0+1', '3 QUERY 0+1']);
  h.state(1, stateRun(m))
    .state(2, stateRun(version(stamp(5))))
    .state(3, stateRun(m));
  t.deepEqual(h.requests, ['1 QUERY 0+1 data']);
  h.state(1, stateRun(m, bytes(4)));
  t.deepEqual(h.requests, ['2 LEARN 0+1 6c/3c 4']);
  t.deepEqual(h.outcomes, ['0+1 done']);
  t.deepEqual(h.stored(2).outcomes, ['0+1 concluded 6c lacking []']);
});

test('D1: a heal of what all have moves no data', (t) => {
  const m = stateRun(version(stamp(6)));
  const h = new Operation(heal, first).state(1, m).state(2, m).state(3, m);
  t.deepEqual(h.outcomes, ['0+1 done', '0+1 concluded 6c lacking []']);
});

test('C2: a promise of any replica above what is settled is settled, and moves no data', (t) => {
  const m = version(stamp(6), stamp(3));
  const floor = stamp(9, 'x');
  const h = new Operation(heal, first)
    .state(1, stateRun(m, null, 1, floor))
    .state(2, stateRun(m))
    .state(3, stateRun(m));
  t.deepEqual(h.outcomes, ['0+1 pause living 1'], 'its writer may live');
  h.resume()
    .state(1, stateRun(m, null, 1, floor))
    .state(2, stateRun(m))
    .state(3, stateRun(m));
  t.deepEqual(h.requests, ['1 ORDER 0+1 11c versions', '2 ORDER 0+1 11c versions', '3 ORDER 0+1 11c versions']);
  t.deepEqual(h.granted(1, m).granted(2, m).requests, [], 'replica 3 may hold it, too');
  h.granted(3, m);
  t.deepEqual(h.requests, ['1 STORE 0+1 11c/3c held 6c', '2 STORE 0+1 11c/3c held 6c', '3 STORE 0+1 11c/3c held 6c']);
  h.stored(1).stored(2);
  t.deepEqual(h.outcomes, ['0+1 done']);
  t.deepEqual(h.stored(3).outcomes, ['0+1 concluded 11c lacking []']);
});

test('C2: only the sectors with such a promise are settled', (t) => {
  const m = version(stamp(6));
  const h = new Operation(heal, range(0, 4))
    .state(1, stateRun(m, null, 1), stateRun(m, null, 2, stamp(9, 'x')), stateRun(m))
    .state(2, stateRun(m, null, 4))
    .state(3, stateRun(m, null, 4));
  t.deepEqual(h.outcomes, [
    '0+1 done',
    '0+1 concluded 6c lacking []',
    '1+2 pause living 1',
    '3+1 done',
    '3+1 concluded 6c lacking []',
  ]);
});

test('C2: a heal that meets another one asks what that has come to, and has nothing left to do', (t) => {
  const m = version(stamp(6));
  const contended = stateRun(m, null, 1, stamp(9, 'x'));
  const h = new Operation(heal, first).state(1, contended).state(2, contended).state(3, contended).resume();
  h.state(1, contended).state(2, contended).state(3, contended);
  h.refused(2, stamp(20, 'y'));
  t.deepEqual(h.outcomes, ['0+1 pause contention 2']);
  t.deepEqual(h.resume().requests, ['1 QUERY 0+1', '2 QUERY 0+1', '3 QUERY 0+1']);
  const settled = stateRun(version(stamp(20, 'y'), stamp(6)));
  h.state(1, settled).state(2, settled).state(3, settled);
  t.deepEqual(h.outcomes, ['0+1 done', '0+1 concluded 20y lacking []']);
});

test('C2: a heal whose STORE is refused asks again, too', (t) => {
  const m = version(stamp(6));
  const contended = stateRun(m, null, 1, stamp(9, 'x'));
  const h = new Operation(heal, first).state(1, contended).state(2, contended).state(3, contended).resume();
  h.state(1, contended).state(2, contended).state(3, contended);
  h.granted(1, m).granted(2, m).granted(3, m).refused(2, stamp(20, 'y'));
  t.deepEqual(h.resume().requests, ['1 QUERY 0+1', '2 QUERY 0+1', '3 QUERY 0+1']);
});

test('C2: a replica that does not answer is waited for until the delay, or until it is down', (t) => {
  const m = version(stamp(6));
  const contended = stateRun(m, null, 1, stamp(9, 'x'));
  const begin = () => {
    const h = new Operation(heal, first).state(1, contended).state(2, contended).state(3, contended).resume();
    h.state(1, contended).state(2, contended).state(3, contended).hedge();
    return h.granted(1, m).granted(2, m);
  };
  const late = begin();
  // The delays of the two QUERY phases are over, too.
  t.deepEqual(late.hedge().hedge().requests, ['1 ORDER 0+1 11c data'], 'replica 3 may need the data');
  const gone = begin();
  gone.down.add(3);
  gone.feed({ kind: 'down', rank: 3 });
  t.deepEqual(gone.requests, ['1 STORE 0+1 11c/6c held 6c', '2 STORE 0+1 11c/6c held 6c']);
  t.deepEqual(gone.stored(1).stored(2).outcomes, ['0+1 done', '0+1 concluded 11c lacking [3]']);
});
