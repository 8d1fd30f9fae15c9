/**
 * The sectors whose copies were found to be damaged and are to be healed. Mutable. Bound: DAMAGED_MAX; others are found
 * again when they are read again.
 */
import type { SectorIndex } from '../sector.js';
import type { SectorRange } from './range.js';
import { endOf, extentOf } from './range.js';

const DAMAGED_MAX = 4_096;

export class DamagedSectors {
  readonly #sectors = new Set<SectorIndex>();

  get size(): number {
    return this.#sectors.size;
  }

  add(range: SectorRange): void {
    for (let sector = range.first; sector < endOf(range); sector += 1) {
      if (this.#sectors.size < DAMAGED_MAX) this.#sectors.add(sector);
    }
  }

  /**
   * Takes the next range out.
   * @param isDamaged Whether the copy is damaged still.
   */
  take(isDamaged: (sector: SectorIndex) => boolean): SectorRange | null {
    for (const first of this.#sectors) {
      this.#sectors.delete(first);
      if (!isDamaged(first)) continue;
      let count = 1;
      const isNext = (): boolean => extentOf({ first }) === extentOf({ first: first + count });
      while (this.#sectors.has(first + count) && isNext()) {
        this.#sectors.delete(first + count);
        count += 1;
      }
      return { first, count };
    }
    return null;
  }
}
