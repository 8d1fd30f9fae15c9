/** A settle of a range gives its sectors one stamp, and each keeps its origin: one stamp, and several origins. */
import test from 'ava';
import { decide } from '../../../src/core/strict/replica.js';
import { Operation, bytes, copies, mixed, range, stamp, stateRun, version } from './make.js';

const both = range(0, 2);
const one = version(stamp(9), stamp(3));
const other = version(stamp(9), stamp(4));
const old = stateRun(version(stamp(2)), bytes(1, 2), 2);

test('A1, A2: runs of an answer are divided where the origin changes', (t) => {
  const view = copies({ of: one }, { of: other });
  const query = decide({ kind: 'query', range: both, wantsData: false }, view);
  t.deepEqual(query.answer, { kind: 'state', runs: [stateRun(one), stateRun(other)] });
  const order = decide({ kind: 'order', range: both, stamp: stamp(12), wants: 'versions' }, view);
  t.deepEqual(order.answer, {
    kind: 'ordered',
    runs: [one, other].map((of) => ({ outcome: 'granted', count: 1, version: of, data: null })),
  });
});

test('C1: each sector is written back with its own origin', (t) => {
  const r = new Operation({ kind: 'read' }, both)
    .state(1, stateRun(one, bytes(3)), stateRun(other, bytes(4)))
    .state(2, old)
    .state(3, stateRun(version(stamp(1)), null, 2));
  t.deepEqual(r.requests, ['2 STORE 0+1 9c/3c 3', '3 STORE 0+1 9c/3c 3', '2 STORE 1+1 9c/4c 4', '3 STORE 1+1 9c/4c 4']);
});

test('D1: each sector is handed over with its own origin', (t) => {
  const h = new Operation({ kind: 'heal' }, both)
    .state(1, stateRun(one), stateRun(other))
    .state(2, stateRun(one), stateRun(other))
    .state(3, old);
  t.deepEqual(h.requests, ['1 QUERY 0+2 data']);
  h.answer(1, { kind: 'state', runs: [stateRun(one, bytes(3)), stateRun(other, bytes(4))] });
  t.deepEqual(h.requests, ['3 LEARN 0+1 9c/3c 3', '3 LEARN 1+1 9c/4c 4']);
});

test('C2: each sector is settled with its own origin', (t) => {
  const data = mixed(3, 4);
  const r = new Operation({ kind: 'read' }, both);
  const promised = [one, other].map((of, at) => stateRun(of, bytes(3 + at), 1, stamp(10, 'x')));
  for (const phase of ['first', 'second']) {
    for (const rank of [1, 2, 3]) r.state(rank, ...promised);
    if (phase === 'first') r.resume();
  }
  for (const rank of [1, 2]) {
    const runs = [one, other].map((of, at) => ({
      outcome: 'granted' as const,
      count: 1,
      version: of,
      data: rank === 1 ? data.subarray(at * 4096, (at + 1) * 4096) : null,
    }));
    r.answer(rank, { kind: 'ordered', runs });
  }
  t.deepEqual(r.requests, [
    '1 STORE 0+1 11c/3c held 9c',
    '2 STORE 0+1 11c/3c held 9c',
    '3 STORE 0+1 11c/3c 3',
    '1 STORE 1+1 11c/4c held 9c',
    '2 STORE 1+1 11c/4c held 9c',
    '3 STORE 1+1 11c/4c 4',
  ]);
});
