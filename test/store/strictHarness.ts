/** What the tests of the strict store share: stamps, ranges, their data, and the store itself. */
import { SECTOR_SIZE_BYTES, ZERO_SECTOR } from '../../src/core/sector.js';
import type { SectorRange } from '../../src/core/strict/range.js';
import type { StrictStamp } from '../../src/core/strict/version.js';
import type { CopyRun, RangePut, StrictStore } from '../../src/ports/strictStore.js';
import { dataOf, type Simulation } from './storeHarness.js';

/** A stamp of one of a few coordinators. */
export function strictStamp(counter: number, coordinator = 'A'): StrictStamp {
  return { counter: BigInt(counter), coordinator: coordinator.padEnd(16, '-') };
}

/** The data of a range: that of each sector follows from the sector and the name, which is zeros if it is 0. */
export function rangeData({ first, count }: SectorRange, name: number | ((sector: number) => number)): Uint8Array {
  const data = new Uint8Array(count * SECTOR_SIZE_BYTES);
  for (let index = 0; index < count; index += 1) {
    const of = typeof name === 'number' ? name : name(first + index);
    data.set(of === 0 ? ZERO_SECTOR : dataOf((first + index) * 100_000 + of), index * SECTOR_SIZE_BYTES);
  }
  return data;
}

/** A write: its stamp is its origin. */
export function writeOf(range: SectorRange, counter: number, data: RangePut['data'] | null = null): RangePut {
  const stamp = strictStamp(counter);
  return { range, stamp, origin: stamp, data: data ?? rangeData(range, counter) };
}

/** What runs say of each sector. */
export function sectorsOf(runs: readonly CopyRun[]): ('damaged' | Uint8Array)[] {
  return runs.flatMap(({ count, data }) =>
    Array.from({ length: count }, (_, index) => {
      if (data === 'damaged') return data;
      if (data === 'zeros') return ZERO_SECTOR;
      return data.subarray(index * SECTOR_SIZE_BYTES, (index + 1) * SECTOR_SIZE_BYTES);
    }),
  );
}

export function openStrict(simulation: Simulation): StrictStore {
  return simulation.valueOf(simulation.open().openStrict());
}
