/**
 * What a replica of the strict register has promised above what it has stored (docs/strict-register.md, A2, A4 and
 * "Bounds"). In memory only; mutable, because each ORDER and each STORE changes it.
 */
import { assert } from '../assert.js';
import type { SectorIndex } from '../sector.js';
import { REGION_SECTORS, endOf, regionOf, type SectorRange } from './range.js';
import { STRICT_STAMP_INITIAL, compareStrictStamps, laterOf, type StrictStamp } from './version.js';

/** What is promised in a region. A region without promises has none. */
class RegionPromises {
  /** Of single sectors. */
  readonly stamps = new Map<SectorIndex, StrictStamp>();
  /** At least this is promised for the sectors whose bit is set. */
  #floor = STRICT_STAMP_INITIAL;
  readonly #bits = new Uint32Array(REGION_SECTORS / 32);
  /** How many bits are set. */
  #floorCount = 0;

  get isEmpty(): boolean {
    return this.stamps.size === 0 && this.#floorCount === 0;
  }

  get hasFloor(): boolean {
    return this.#floorCount > 0;
  }

  promisedOf(sector: SectorIndex): StrictStamp {
    const own = this.stamps.get(sector) ?? STRICT_STAMP_INITIAL;
    return this.#hasBit(sector) ? laterOf(own, this.#floor) : own;
  }

  meet(sector: SectorIndex, stamp: StrictStamp): void {
    const own = this.stamps.get(sector);
    if (own !== undefined && compareStrictStamps(own, stamp) <= 0) this.stamps.delete(sector);
    if (!this.#hasBit(sector) || compareStrictStamps(this.#floor, stamp) > 0) return;
    this.#bits[bitOf(sector) >> 5] &= ~(1 << (bitOf(sector) & 31));
    this.#floorCount -= 1;
  }

  /** The single promises become a floor for their sectors: the highest of them. */
  fold(): void {
    for (const [sector, stamp] of this.stamps) {
      this.#floor = laterOf(this.#floor, stamp);
      this.#setBit(sector);
    }
    this.stamps.clear();
  }

  raiseAll(stamp: StrictStamp): void {
    this.#floor = laterOf(this.#floor, stamp);
    this.#bits.fill(0xff_ff_ff_ff);
    this.#floorCount = REGION_SECTORS;
  }

  each(first: SectorIndex, each: (sector: SectorIndex, promised: StrictStamp) => void): void {
    for (const sector of this.stamps.keys()) each(sector, this.promisedOf(sector));
    if (this.#floorCount === 0) return;
    for (let sector = first; sector < first + REGION_SECTORS; sector += 1) {
      if (this.#hasBit(sector) && !this.stamps.has(sector)) each(sector, this.#floor);
    }
  }

  #hasBit(sector: SectorIndex): boolean {
    return this.#floorCount > 0 && (this.#bits[bitOf(sector) >> 5] & (1 << (bitOf(sector) & 31))) !== 0;
  }

  #setBit(sector: SectorIndex): void {
    if (this.#hasBit(sector)) return;
    this.#bits[bitOf(sector) >> 5] |= 1 << (bitOf(sector) & 31);
    this.#floorCount += 1;
  }
}

/** Bounds the work of one call of `promisedParts`. */
const EXACT_PROMISES = 1_024;

function bitOf(sector: SectorIndex): number {
  return sector % REGION_SECTORS;
}

export class PromiseTable {
  readonly #regions = new Map<number, RegionPromises>();
  #count = 0;

  /**
   * @param promisesMax how many promises of single sectors are kept. Beyond it those of the region that has most of
   * them become a floor: each of its sectors that has a promise is then promised to the highest of them. There are at
   * most as many regions as the caller lets be active.
   */
  constructor(private readonly promisesMax: number) {
    assert(promisesMax >= 1, `room for ${promisesMax} promises`);
  }

  /** @param stored the stamp of the copy. */
  promisedOf(sector: SectorIndex, stored: StrictStamp): StrictStamp {
    const region = this.#regions.get(regionOf(sector));
    return region === undefined ? stored : laterOf(region.promisedOf(sector), stored);
  }

  /** A2: the stamp is above all that is promised for the sectors of the range, or equal to it. */
  promise(range: SectorRange, stamp: StrictStamp): void {
    const region = this.#regionFor(regionOf(range.first));
    const before = region.stamps.size;
    for (let sector = range.first; sector < endOf(range); sector += 1) region.stamps.set(sector, stamp);
    this.#count += region.stamps.size - before;
    while (this.#count > this.promisesMax) this.#foldLargest();
  }

  /** Copies with this stamp are flushed: promises up to it are met. */
  meet(range: SectorRange, stamp: StrictStamp): void {
    const region = this.#regions.get(regionOf(range.first));
    if (region === undefined) return;
    const before = region.stamps.size;
    for (let sector = range.first; sector < endOf(range); sector += 1) region.meet(sector, stamp);
    this.#count += region.stamps.size - before;
    if (region.isEmpty) this.#regions.delete(regionOf(range.first));
  }

  /** A4: any stamp up to this one may have been promised for any sector of the region. */
  raiseFloor(region: number, stamp: StrictStamp): void {
    this.#regionFor(region).raiseAll(stamp);
  }

  /** Whether something is promised in the region above what is stored. */
  isOpen(region: number): boolean {
    return this.#regions.has(region);
  }

  /** Calls `each` for all sectors of the region that have a promise above what is stored. */
  eachIn(region: number, each: (sector: SectorIndex, promised: StrictStamp) => void): void {
    this.#regions.get(region)?.each(region * REGION_SECTORS, each);
  }

  /**
   * The parts of the sectors from `from` to `end` that are promised above what is stored, and sectors around them: of a
   * region that has a floor, and of all regions after EXACT_PROMISES promises, the whole region. In order.
   */
  promisedParts(from: SectorIndex, end: SectorIndex): { readonly first: SectorIndex; readonly end: SectorIndex }[] {
    const parts: { first: SectorIndex; end: SectorIndex }[] = [];
    const regions = [...this.#regions].filter(
      ([index]) => index * REGION_SECTORS < end && (index + 1) * REGION_SECTORS > from,
    );
    let exact = EXACT_PROMISES;
    for (const [index, region] of regions.sort(([a], [b]) => a - b)) {
      const first = index * REGION_SECTORS;
      if (region.hasFloor || region.stamps.size > exact) parts.push({ first, end: first + REGION_SECTORS });
      else {
        exact -= region.stamps.size;
        for (const sector of [...region.stamps.keys()].sort((a, b) => a - b)) {
          parts.push({ first: sector, end: sector + 1 });
        }
      }
    }
    return parts;
  }

  /** The regions in which something is promised above what is stored. */
  openRegions(): number[] {
    return [...this.#regions.keys()];
  }

  /** `promises`: of single sectors; `floors`: regions that have a floor. */
  counts(): { readonly promises: number; readonly floors: number } {
    let floors = 0;
    for (const region of this.#regions.values()) if (region.hasFloor) floors += 1;
    return { promises: this.#count, floors };
  }

  #regionFor(index: number): RegionPromises {
    const known = this.#regions.get(index);
    if (known !== undefined) return known;
    const region = new RegionPromises();
    this.#regions.set(index, region);
    return region;
  }

  #foldLargest(): void {
    let largest: RegionPromises | null = null;
    for (const region of this.#regions.values()) {
      if (largest === null || region.stamps.size > largest.stamps.size) largest = region;
    }
    assert(largest !== null && largest.stamps.size > 0, 'promises are counted that are not there');
    this.#count -= largest.stamps.size;
    largest.fold();
  }
}
