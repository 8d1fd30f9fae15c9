/** Arbitrary stamps, versions and records, of the base protocol and of the strict register, for property tests. */
import fc from 'fast-check';
import type { StrictStamp, Version } from '../../src/core/strict/version.js';
import type { SectorRecord } from '../../src/ports/blockFiles.js';
import { coordinatorOfByte } from '../../src/store/baseStamps.js';

export const baseCoordinators = fc.integer({ min: 0, max: 255 }).map(coordinatorOfByte);

/** Ids of 16 bytes; some begin as those of the base protocol do. */
export const coordinators: fc.Arbitrary<string> = fc.oneof(
  fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
  fc.nat(14).map((at) => `${'\0'.repeat(at)}\u00ff${'\0'.repeat(15 - at)}`),
  baseCoordinators,
);

const counters = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });

export const stamps: fc.Arbitrary<StrictStamp> = fc.record({ counter: counters, coordinator: coordinators });

const baseStamps: fc.Arbitrary<StrictStamp> = fc.record({ counter: counters, coordinator: baseCoordinators });

const written = (stamp: StrictStamp): Version => ({ stamp, origin: stamp });

export const baseVersions: fc.Arbitrary<Version> = baseStamps.map(written);

export const versions: fc.Arbitrary<Version> = fc.oneof(
  baseVersions,
  stamps.map(written),
  fc.record({ stamp: stamps, origin: stamps }),
);

export function recordsWith(of: fc.Arbitrary<Version>): fc.Arbitrary<SectorRecord> {
  return fc
    .record({
      version: of,
      sector: fc.maxSafeNat(),
      slot: fc.option(fc.integer({ min: 0, max: 0xffff_fffd })),
      checksum: fc.integer({ min: 0, max: 0xffff_ffff }),
    })
    .map(({ version, ...place }) => ({ ...version, ...place }));
}
