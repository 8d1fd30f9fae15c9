import test from 'ava';

import { fc, testProp } from '@fast-check/ava';
import { CHUNK_SECTORS, MissedSet } from '../../src/core/repair/missedSet.js';
import { newMissedLog, noteLateAck, noteWritten, expireLate } from '../../src/core/repair/missedLog.js';

const sectors = fc.oneof(
  fc.nat(20),
  fc.integer({ min: CHUNK_SECTORS - 3, max: CHUNK_SECTORS + 3 }),
  fc.integer({ min: 2 ** 40, max: 2 ** 40 + 9 }),
);

testProp(
  'it is a set, and is the same after it was written down',
  [fc.array(fc.tuple(fc.boolean(), sectors), { maxLength: 60 }), sectors],
  (t, steps, from) => {
    const missed = new MissedSet(8);
    const expected = new Set<number>();
    const written = new Map<number, Uint8Array>();
    for (const [isAdded, sector] of steps) {
      if (isAdded) missed.add(sector);
      else missed.remove(sector);
      if (isAdded) expected.add(sector);
      else expected.delete(sector);
      for (const [chunk, bits] of missed.takeChanges()) {
        if (bits === null) written.delete(chunk);
        else written.set(chunk, bits);
      }
    }
    const restored = new MissedSet(8);
    for (const [chunk, bits] of written) restored.restore(chunk, bits);
    const inOrder = [...expected].sort((a, b) => a - b);
    for (const each of [missed, restored]) {
      t.is(each.count, expected.size);
      for (const [, sector] of steps) t.is(each.has(sector), expected.has(sector));
      t.is(each.next(from), inOrder.find((one) => one >= from) ?? inOrder.at(0) ?? null);
    }
  },
);

test('what is missed once more while it is handed over stays', (t) => {
  const missed = new MissedSet(8);
  for (const sector of [1, 2, 3]) missed.add(sector);
  for (const sector of [1, 2, 3]) missed.begin(sector);
  t.is(missed.next(0), null, 'what is under way is not begun again');
  missed.add(2);
  missed.end(1, true);
  missed.end(2, true);
  missed.end(3, false);
  t.deepEqual([missed.has(1), missed.has(2), missed.has(3)], [false, true, true]);
});

test('what does not fit is told of, and a chunk of a wrong size is refused', (t) => {
  const missed = new MissedSet(1);
  missed.add(1);
  t.false(missed.hasOverflowed);
  missed.add(CHUNK_SECTORS);
  t.true(missed.hasOverflowed);
  t.is(missed.count, 1);
  t.throws(() => {
    missed.restore(9, new Uint8Array(3));
  });
});

test('a write is missed by whoever has not acknowledged it some time after its end', (t) => {
  const log = newMissedLog([2, 3], 8);
  const countOf = (rank: number): number => log.peers.get(rank)?.missed.count ?? -1;
  noteWritten(log, 'a', 7, [1, 2]);
  noteWritten(log, 'b', 8, [1, 2]);
  expireLate(log);
  noteLateAck(log, 3, 'a');
  t.is(countOf(3), 0, 'it may still come');
  expireLate(log);
  t.deepEqual([countOf(2), countOf(3)], [0, 1]);
  t.is(log.peers.get(3)?.missed.next(0), 8);
});
