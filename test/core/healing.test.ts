/** Who heals what, and which damaged copies are to be healed. */
import test from 'ava';
import { DamagedSectors } from '../../src/core/strict/damagedSectors.js';
import { healingPlace } from '../../src/core/strict/healingPlace.js';

test('the turns of the processes that can heal a region differ, and all of them come first in some region', (t) => {
  const up = [1, 2, 4];
  const firsts = new Set<number>();
  for (let region = 0; region < 6; region += 1) {
    const places = up.map((rank) => healingPlace(rank, region, up, []));
    t.deepEqual([...places].sort(), [0, 1, 2]);
    firsts.add(up[places.indexOf(0)]);
  }
  t.deepEqual([...firsts].sort(), up);
});

test('a process that lacks something of the region comes last, and one of the others first', (t) => {
  for (const region of [0, 1, 2, 3]) {
    t.is(healingPlace(2, region, [1, 2, 3], [2]), 2);
    t.deepEqual([healingPlace(1, region, [1, 2, 3], [2]), healingPlace(3, region, [1, 2, 3], [2])].sort(), [0, 1]);
  }
  t.is(healingPlace(1, 7, [1], [1]), 0, 'nobody else is there');
});

test('damaged sectors are taken as ranges inside extents, without those that are mended', (t) => {
  const damaged = new DamagedSectors();
  damaged.add({ first: 254, count: 4 });
  damaged.add({ first: 9, count: 1 });
  damaged.add({ first: 254, count: 1 });
  const isDamaged = (sector: number): boolean => sector !== 9;
  t.deepEqual(damaged.take(isDamaged), { first: 254, count: 2 });
  t.deepEqual(damaged.take(isDamaged), { first: 256, count: 2 });
  t.is(damaged.take(isDamaged), null);
  t.is(damaged.size, 0);
});

test('there is a bound to the damaged sectors that are remembered', (t) => {
  const damaged = new DamagedSectors();
  damaged.add({ first: 0, count: 10_000 });
  t.is(damaged.size, 4_096);
});
