/** Requests and answers of the strict register, any that are valid. */
import * as fc from 'fast-check';
import type { OrderedRun, RangeData, ReplicaRequest, StateRun } from '../../../src/core/strict/replicaMessage.js';
import type { SectorRange } from '../../../src/core/strict/range.js';
import type { StrictStamp, Version } from '../../../src/core/strict/version.js';
import { STRICT_STAMP_INITIAL, laterOf } from '../../../src/core/strict/version.js';
import type { NumberedAnswer } from '../../../src/wire/strict/answers.js';
import type { NumberedRequest } from '../../../src/wire/strict/requests.js';

export const LIMITS = { sectors: 2_000, processCount: 5 };

const coordinators = ['\0'.repeat(15) + '\u0002', '\u00ff'.repeat(16), 'sixteen letters.'];

/** Of an attempt. */
export const stamp: fc.Arbitrary<StrictStamp> = fc.record({
  counter: fc.oneof(fc.bigInt(1n, 3n), fc.constant(2n ** 63n - 1n), fc.bigInt(1n, 2n ** 63n - 1n)),
  coordinator: fc.constantFrom(...coordinators),
});

const anyStamp = fc.oneof(stamp, fc.constant(STRICT_STAMP_INITIAL));

/** The later one is the stamp. */
export const version = (own: fc.Arbitrary<StrictStamp>): fc.Arbitrary<Version> =>
  fc.tuple(own, anyStamp).map(([one, other]) => {
    const later = laterOf(one, other);
    return { stamp: later, origin: later === one ? other : one };
  });

export const range: fc.Arbitrary<SectorRange> = fc
  .tuple(fc.nat(LIMITS.sectors - 1), fc.integer({ min: 1, max: 256 }))
  .map(([first, count]) => {
    const end = Math.min(LIMITS.sectors, (Math.floor(first / 256) + 1) * 256);
    return { first, count: Math.min(count, end - first) };
  });

const number = fc.oneof(fc.nat(10), fc.constant(Number.MAX_SAFE_INTEGER), fc.maxSafeNat());

export const dataOf = (count: number, seed = count): Uint8Array => {
  const data = new Uint8Array(count * 4096);
  for (let at = 0; at < data.length; at += 64) data[at] = (at / 64 + seed) % 256;
  return data;
};

const rangeData = (count: number): fc.Arbitrary<RangeData> =>
  fc.oneof(
    fc.constant('zeros' as const),
    fc.nat(255).map((seed) => dataOf(count, seed)),
  );

const requestOf = (about: SectorRange): fc.Arbitrary<ReplicaRequest> => {
  const stored = (kind: 'store' | 'learn') =>
    fc.tuple(version(stamp), rangeData(about.count)).map(([one, data]) => ({ kind, range: about, ...one, data }));
  return fc.oneof(
    fc.boolean().map((wantsData) => ({ kind: 'query' as const, range: about, wantsData })),
    fc
      .tuple(stamp, fc.constantFrom('nothing' as const, 'versions' as const, 'data' as const))
      .map(([one, wants]) => ({ kind: 'order' as const, range: about, stamp: one, wants })),
    stored('store'),
    stored('learn'),
    fc
      .tuple(version(stamp), anyStamp)
      .map(([one, held]) => ({ kind: 'store' as const, range: about, ...one, data: { held } })),
    fc
      .tuple(stamp, fc.subarray([1, 2, 3, 4, 5]))
      .map(([one, lacking]) => ({ kind: 'concluded' as const, range: about, stamp: one, lacking })),
  );
};

/** The first sector of an extent. */
const listRange = fc.nat(Math.floor((LIMITS.sectors - 1) / 256)).map((extent) => ({ first: extent * 256, count: 1 }));

const aboutRange: fc.Arbitrary<NumberedRequest> = range
  .chain((about) => fc.tuple(number, requestOf(about)))
  .map(([one, content]) => ({ number: one, request: content }));

const aboutLists: fc.Arbitrary<NumberedRequest> = fc
  .tuple(number, listRange)
  .map(([one, about]) => ({ number: one, request: { kind: 'list', range: about } }));

export const request: fc.Arbitrary<NumberedRequest> = fc.oneof(
  { arbitrary: aboutRange, weight: 6 },
  { arbitrary: aboutLists, weight: 1 },
);

/** The counts of runs that cover so many sectors. */
const counts = (sectors: number): fc.Arbitrary<number[]> =>
  fc.array(fc.integer({ min: 1, max: 64 }), { maxLength: 12 }).map((sizes) => {
    const runs: number[] = [];
    let left = sectors;
    for (const size of sizes) {
      const count = Math.min(size, left);
      if (count > 0) runs.push(count);
      left -= count;
    }
    return left > 0 ? [...runs, left] : runs;
  });

const runsOf = <Run>(about: SectorRange, run: (count: number) => fc.Arbitrary<Run>): fc.Arbitrary<Run[]> =>
  counts(about.count).chain((all) => fc.tuple(...all.map(run)));

const runData = (count: number): fc.Arbitrary<RangeData | 'damaged' | null> =>
  fc.oneof(fc.constantFrom('damaged' as const, null), rangeData(count));

const stateRun = (count: number): fc.Arbitrary<StateRun> =>
  fc.tuple(version(anyStamp), anyStamp, runData(count)).map(([one, promised, data]) => {
    return { count, version: one, promised: laterOf(one.stamp, promised), data };
  });

const refused = (count: number) => stamp.map((promised) => ({ outcome: 'refused' as const, count, promised }));

const orderedRun = (count: number): fc.Arbitrary<OrderedRun> =>
  fc.oneof(
    refused(count),
    fc.constant({ outcome: 'granted' as const, count, version: null, data: null }),
    fc
      .tuple(version(anyStamp), runData(count))
      .map(([one, data]) => ({ outcome: 'granted' as const, count, version: one, data })),
  );

const storedRun = (count: number) =>
  fc.oneof(
    refused(count),
    fc.constantFrom('stored' as const, 'full' as const, 'lacks' as const).map((outcome) => ({ outcome, count })),
  );

/** A list of a disk that may be larger. */
const listed: fc.Arbitrary<NumberedAnswer> = fc
  .tuple(
    number,
    listRange,
    fc.uniqueArray(fc.nat(100), { maxLength: 64 }),
    fc.array(fc.bigInt(0n, 2n ** 64n - 1n), { minLength: 64, maxLength: 64 }),
    fc.boolean(),
  )
  .map(([one, about, offsets, digests, isWhole]) => {
    const first = about.first / 256;
    const extents = offsets
      .sort((a, b) => a - b)
      .map((offset, at) => ({ extent: first + offset, digest: digests[at] }));
    const next = isWhole ? null : (first + (offsets.at(-1) ?? 0) + 1) * 256;
    return { number: one, range: about, answer: { kind: 'listed', next, extents } };
  });

const runAnswer: fc.Arbitrary<NumberedAnswer> = range.chain((about) =>
  fc
    .tuple(
      number,
      fc.oneof(
        runsOf(about, stateRun).map((runs) => ({ kind: 'state' as const, runs })),
        runsOf(about, orderedRun).map((runs) => ({ kind: 'ordered' as const, runs })),
        runsOf(about, storedRun).map((runs) => ({ kind: 'stored' as const, runs })),
      ),
    )
    .map(([one, content]) => ({ number: one, range: about, answer: content })),
);

export const answer: fc.Arbitrary<NumberedAnswer> = fc.oneof(
  { arbitrary: runAnswer, weight: 4 },
  { arbitrary: listed, weight: 1 },
);
