/** The function of an update that throws, or returns no sector, fails the update and nothing else. */
import type { SectorData } from '../core/sector.js';
import { SECTOR_SIZE_BYTES } from '../core/sector.js';
import { AtomicDiskError } from '../errors.js';

/** Carries the error of such a function through the code that called it. */
export class ChangeFailure extends Error {
  override readonly name = 'ChangeFailure';

  constructor(readonly failure: unknown) {
    super('the function of an update has failed', { cause: failure });
  }
}

/** @returns the function, which throws nothing but ChangeFailure. */
export function guarded(change: (current: SectorData) => SectorData): (current: SectorData) => SectorData {
  return (current) => {
    let changed: SectorData;
    try {
      changed = change(current);
    } catch (error) {
      throw new ChangeFailure(error);
    }
    if (changed instanceof Uint8Array && changed.length === SECTOR_SIZE_BYTES) return changed;
    const text = `the function of an update has to return the ${SECTOR_SIZE_BYTES} bytes of a sector`;
    throw new ChangeFailure(new AtomicDiskError('ATDD_RANGE', text));
  };
}
