/** LIST: what a replica says of its extents, and what follows from the lists of several. */
import test from 'ava';
import { digestOf } from '../../../src/core/strict/extentDigest.js';
import type { ListView } from '../../../src/core/strict/extentList.js';
import { compareLists, joinLists, listExtents } from '../../../src/core/strict/extentList.js';
import { PromiseTable } from '../../../src/core/strict/promises.js';
import type { ListedExtents } from '../../../src/core/strict/replicaMessage.js';
import type { StrictStamp, Version } from '../../../src/core/strict/version.js';
import { VERSION_INITIAL } from '../../../src/core/strict/version.js';

/** Sectors of an extent, a region of promises, a region of the index, and a group of those. */
const [EXTENT, REGION, INDEX_REGION, GROUP] = [256, 1_024, 4_096, 4_096 ** 2];

const stamp = (counter: number, letter = 'a'): StrictStamp => ({
  counter: BigInt(counter),
  coordinator: letter.repeat(16),
});

/** A replica with these stamps: its index skips what is empty as src/store/sectorTable.ts does. */
function replica(sectors: number, written: ReadonlyMap<number, StrictStamp> = new Map()) {
  const promises = new PromiseTable(2_000);
  const looked: number[] = [];
  const regions = new Set([...written.keys()].map((sector) => Math.floor(sector / INDEX_REGION)));
  const groups = new Set([...written.keys()].map((sector) => Math.floor(sector / GROUP)));
  const view: ListView = {
    sectors,
    versionOf: (sector): Version => {
      looked.push(sector);
      const found = written.get(sector);
      return found === undefined ? VERSION_INITIAL : { stamp: found, origin: found };
    },
    unwrittenUntil: (sector) => {
      if (regions.has(Math.floor(sector / INDEX_REGION))) return sector;
      const unit = groups.has(Math.floor(sector / GROUP)) ? INDEX_REGION : GROUP;
      return (Math.floor(sector / unit) + 1) * unit;
    },
    promisedParts: (from, end) => promises.promisedParts(from, end),
  };
  return { view, promises, looked };
}

const extentsOf = ({ extents }: ListedExtents): number[] => extents.map(({ extent }) => extent);

test('the extents in which something is stored, to the end of a disk of any size', (t) => {
  const sectors = 10 * 2 ** 28 + 100;
  const last = sectors - 1;
  const { view, looked } = replica(
    sectors,
    new Map([0, 700, 5_000_000, last].map((sector) => [sector, stamp(sector + 1)])),
  );
  const list = listExtents(0, view);
  t.is(list.next, null);
  t.deepEqual(extentsOf(list), [0, 2, Math.floor(5_000_000 / EXTENT), Math.floor(last / EXTENT)]);
  // Two regions of the index, and what there is of a third.
  t.true(looked.length <= 2 * INDEX_REGION + 100, `${looked.length} looks`);
  t.true(looked.every((sector) => sector < sectors));
  t.deepEqual(extentsOf(listExtents(EXTENT, view)), extentsOf(list).slice(1));
});

test('zeros with a stamp are stored', (t) => {
  const { view } = replica(10_000, new Map([[300, stamp(1)]]));
  t.deepEqual(extentsOf(listExtents(0, view)), [1]);
});

test('what is promised where nothing is stored, and all of a region with a floor', (t) => {
  const sectors = 3 * 2 ** 28 - 300;
  const { view, promises } = replica(sectors, new Map([[0, stamp(4)]]));
  promises.promise({ first: 999_999, count: 1 }, stamp(7));
  promises.raiseFloor(5_000, stamp(9));
  promises.raiseFloor(Math.floor((sectors - 1) / REGION), stamp(9));
  const floor = (5_000 * REGION) / EXTENT;
  const end = Math.floor((sectors - 1) / EXTENT);
  const list = listExtents(0, view);
  t.deepEqual(list.next, null);
  t.deepEqual(extentsOf(list), [0, 3_906, floor, floor + 1, floor + 2, floor + 3, end - 2, end - 1, end]);
  t.deepEqual(
    list.extents.map(({ digest }) => digest !== 0n),
    [true, ...Array<boolean>(8).fill(false)],
    'nothing is stored there',
  );
});

test('a list has a bound, and the next one goes on behind it', (t) => {
  const written = new Map(Array.from({ length: 200 }, (_, index) => [index * 2 * EXTENT, stamp(index + 1)]));
  const { view, looked } = replica(200 * 2 * EXTENT, written);
  const found: number[] = [];
  let from: number | null = 0;
  let lists = 0;
  while (from !== null) {
    const list: ListedExtents = listExtents(from, view);
    t.true(list.extents.length <= 64 && looked.splice(0).length <= 64 * EXTENT);
    t.true(list.next === null || list.next > from);
    found.push(...extentsOf(list));
    from = list.next;
    lists += 1;
  }
  t.deepEqual(
    found,
    Array.from({ length: 200 }, (_, index) => 2 * index),
  );
  t.true(lists >= 4);
});

test('digests are equal where stamps are, in place, counter and coordinator', (t) => {
  const range = { first: 512, count: 256 };
  const of = (entries: [number, StrictStamp][]): bigint => {
    const known = new Map(entries);
    return digestOf(range, (sector) => {
      const found = known.get(sector);
      return found === undefined ? VERSION_INITIAL : { stamp: found, origin: stamp(1) };
    }).digest;
  };
  const digests = [
    of([]),
    of([[512, stamp(1)]]),
    of([[513, stamp(1)]]),
    of([[512, stamp(2)]]),
    of([[512, stamp(1, 'b')]]),
    of([[512, { counter: 1n << 32n, coordinator: 'a'.repeat(16) }]]),
    of([
      [512, stamp(1)],
      [513, stamp(2, 'b')],
    ]),
    of([
      [512, stamp(2, 'b')],
      [513, stamp(1)],
    ]),
    of([
      [512, stamp(1)],
      [513, stamp(1)],
    ]),
  ];
  t.is(digests[0], 0n);
  t.is(new Set(digests).size, digests.length);
  t.true(digests.every((digest) => digest >= 0n && digest < 1n << 64n));
  t.is(of([[512, stamp(2, 'b')]]), of([[512, stamp(2, 'b')]]));
});

test('what somebody of a quorum has, as far as all lists reach', (t) => {
  const list = (next: number | null, ...extents: number[]): ListedExtents => ({
    next,
    extents: extents.map((extent) => ({ extent, digest: 1n })),
  });
  t.deepEqual(joinLists([list(null, 1, 5), list(null, 2, 5)], 2_000), { next: null, extents: [1, 2, 5] });
  t.deepEqual(joinLists([list(null, 1, 5), list(1_024, 2, 3)], 2_000), { next: 1_024, extents: [1, 2, 3] });
  t.deepEqual(joinLists([list(2_048, 1, 7)], 2_000), { next: null, extents: [1, 7] }, 'of a larger disk');
  t.deepEqual(joinLists([list(null, 8), list(4_096, 1)], 2_000), { next: null, extents: [1] }, 'behind the end');
});

test('what is written here, and what differs from the list of anybody', (t) => {
  const list = (next: number | null, digests: Record<number, bigint>): ListedExtents => ({
    next,
    extents: Object.entries(digests).map(([extent, digest]) => ({ extent: Number(extent), digest })),
  });
  const told = (sectors: number, next: number | null, digests: Record<number, bigint>) => ({
    ...{ sectors, ...list(next, digests) },
  });
  // Extent 3 is only promised, here and there; 9 is behind the end of a list.
  const own = list(null, { 1: 1n, 2: 2n, 3: 0n, 9: 1n });
  const alike = told(10_000, 2_304, { 1: 1n, 2: 2n, 5: 0n });
  t.deepEqual(compareLists(own, [alike], 10_000), { next: 2_304, extents: [1, 2], differing: new Set() });
  const other = told(10_000, null, { 1: 1n, 2: 3n, 6: 4n, 9: 1n });
  t.deepEqual(compareLists(own, [alike, other], 10_000), {
    next: 2_304,
    extents: [1, 2, 6],
    differing: new Set([2, 6]),
  });
  const smaller = told(600, null, { 1: 1n });
  const compared = compareLists(own, [smaller], 10_000);
  t.deepEqual(compared, { next: null, extents: [1, 2, 9], differing: new Set([2]) }, 'it has a part of extent 2');
  t.deepEqual(
    compareLists(own, [], 10_000),
    { next: null, extents: [1, 2, 9], differing: new Set() },
    'nobody is there',
  );
});
