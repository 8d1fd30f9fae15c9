/**
 * What is open in the active regions of a replica (docs/strict-register.md, "After crashes"): which sectors hold a
 * version whose coordinator has not said CONCLUDED, which sectors others lack, and which have to be checked.
 *
 * ```
 * STORE flushed            ─► unconcluded
 * CONCLUDED                ─► not unconcluded; lacking, for each replica that it names
 * coordinator gone, sweeps ─► to be checked
 * many sweeps              ─► to be checked, though the coordinator is there: it has given up, or its word was lost
 * start after a crash      ─► to be checked, all of the region
 * ```
 *
 * All of it is in memory, a bit for each sector and kind. So a region takes at most some hundred bytes for each replica
 * and the number of regions is bounded: nothing has to be folded. The stamp that an unconcluded sector has, and so its
 * coordinator, is the one in the store.
 *
 * Mutable, because every range that is stored changes it.
 */
import { assert } from '../assert.js';
import type { Rank } from '../rank.js';
import type { SectorIndex } from '../sector.js';
import type { SectorRange } from './range.js';
import { EXTENT_SECTORS, REGION_SECTORS, endOf, regionOf } from './range.js';
import { SectorBits } from './sectorBits.js';
import type { CoordinatorId, StrictStamp } from './version.js';
import { compareStrictStamps } from './version.js';

export interface ActiveRegionsOptions {
  readonly self: Rank;
  /** The sectors of the disk. */
  readonly sectors: number;
  /** The most active regions. */
  readonly regionsMax: number;
  /** The stamp of the version that the store has. */
  readonly stampOf: (sector: SectorIndex) => StrictStamp;
  /** Whether a sector of the region has a promise above that stamp. */
  readonly hasPromise: (region: number) => boolean;
  /** Calls `each` for all of these sectors. */
  readonly eachPromise: (region: number, each: (sector: SectorIndex, promised: StrictStamp) => void) => void;
}

interface Region {
  /** Requests under way that may change it. */
  inUse: number;
  /** The sweep before which it was used last. */
  usedAt: number;
  /** Ranges that are being healed. */
  healing: number;
  readonly unconcluded: SectorBits;
  /** Of those and of the promises, the ones that were there at the last sweep. */
  readonly old: SectorBits;
  /** Those that were there at the end of the last round of sweeps, and in which nothing was stored after it. */
  readonly aged: SectorBits;
  readonly check: SectorBits;
  readonly lacking: Map<Rank, SectorBits>;
  /** The sweep after which something was to be healed that was not taken; null: nothing was. */
  waitsSince: number | null;
}

/** A range that is to be brought to one settled version, on all replicas. */
export interface Healing {
  readonly range: SectorRange;
  /** The replicas that are known to lack a version of it. Empty: it is unknown which do. */
  readonly lacking: readonly Rank[];
}

/** So many sweeps after a region was used last it may be cleared. */
const SWEEPS_UNTIL_CLEARED = 2;

/** A round of sweeps is far longer than a coordinator needs to store what it has ordered, and to conclude that. */
const SWEEPS_OF_ROUND = 8;

export class ActiveRegions {
  readonly #options: ActiveRegionsOptions;
  readonly #regions = new Map<number, Region>();
  /** The sweeps so far. */
  #sweeps = 0;
  /** The sector from which the next range to heal is looked for. */
  #cursor: SectorIndex = 0;
  #forgotten = 0;

  constructor(options: ActiveRegionsOptions) {
    assert(options.regionsMax >= 1, 'a replica has at least one active region');
    this.#options = options;
  }

  get size(): number {
    return this.#regions.size;
  }

  /** How many more regions there is room for. */
  get room(): number {
    return this.#options.regionsMax - this.#regions.size;
  }

  /** So many regions were taken out in which replicas lacked something: that has to be found by comparing copies. */
  get forgotten(): number {
    return this.#forgotten;
  }

  /** What replicas lack in some region was forgotten, before the start or now. */
  forget(): void {
    this.#forgotten += 1;
  }

  /** All copies were compared, after so many regions had been forgotten. */
  compared(forgotten: number): void {
    if (this.#forgotten === forgotten) this.#forgotten = 0;
  }

  isActive(region: number): boolean {
    return this.#regions.has(region);
  }

  /** Sectors that each replica is known to lack, and those that have to be checked. */
  counts(): { readonly lacking: ReadonlyMap<Rank, number>; readonly toCheck: number } {
    const lackingCounts = new Map<Rank, number>();
    let toCheck = 0;
    for (const { check, lacking } of this.#regions.values()) {
      toCheck += check.count;
      for (const [rank, { count }] of lacking) {
        if (count > 0) lackingCounts.set(rank, (lackingCounts.get(rank) ?? 0) + count);
      }
    }
    return { lacking: lackingCounts, toCheck };
  }

  /** The region is in the durable set. */
  activate(region: number): void {
    if (!this.#regions.has(region)) this.#regions.set(region, newRegion(this.#sweeps));
  }

  /** A region that was in the durable set at the start: everything in it is open. It may exceed the bound. */
  restore(region: number): void {
    this.activate(region);
    const first = region * REGION_SECTORS;
    const count = Math.min(REGION_SECTORS, this.#options.sectors - first);
    if (count > 0) this.#get(region).check.addRange(0, count);
  }

  /** A request that may change the region begins. It must be active. */
  enter(region: number): void {
    const entered = this.#get(region);
    entered.inUse += 1;
    entered.usedAt = this.#sweeps;
  }

  /** That request is over. */
  leave(region: number): void {
    const left = this.#get(region);
    assert(left.inUse > 0, `region ${region} is not in use`);
    left.inUse -= 1;
  }

  /** The regions in which a request is under way. */
  inUse(): number[] {
    return [...this.#regions].filter(([, { inUse }]) => inUse > 0).map(([region]) => region);
  }

  /** Whether something in the region is open, under way, or being healed. */
  isOpen(region: number): boolean {
    const state = this.#regions.get(region);
    return state !== undefined && (this.#isUndecided(region, state) || isLacking(state));
  }

  /** Whether the region has to stay active. What replicas lack is no reason: it is on a majority. */
  isHeld(region: number): boolean {
    const state = this.#regions.get(region);
    return state !== undefined && this.#isUndecided(region, state);
  }

  #isUndecided(region: number, state: Region): boolean {
    if (state.inUse > 0 || state.healing > 0 || state.unconcluded.count > 0 || state.check.count > 0) return true;
    return this.#options.hasPromise(region);
  }

  /**
   * Takes regions out in which nothing is open, the ones first that were not used for the longest time. If their places
   * are wanted and those are not enough, regions follow in which replicas lack something: `forgotten` counts them.
   * @param most How many at most.
   * @param isWanted Whether their places are wanted; false: only regions that were not used for a while.
   */
  clear(most: number, isWanted: boolean): number[] {
    const closed: [region: number, state: Region][] = [];
    if (most <= 0) return [];
    for (const [region, state] of this.#regions) {
      const isIdle = this.#sweeps - state.usedAt >= SWEEPS_UNTIL_CLEARED;
      if (!isWanted && (!isIdle || isLacking(state))) continue;
      if (!this.#isUndecided(region, state)) closed.push([region, state]);
    }
    const cleared = closed
      .sort(([, a], [, b]) => Number(isLacking(a)) - Number(isLacking(b)) || a.usedAt - b.usedAt)
      .slice(0, most);
    for (const [region, state] of cleared) {
      this.#regions.delete(region);
      if (isLacking(state)) this.forget();
    }
    return cleared.map(([region]) => region);
  }

  /** Sectors have a version that was stored (A3) and flushed. */
  stored(range: SectorRange): void {
    const state = this.#get(regionOf(range.first));
    state.unconcluded.addRange(placeOf(range.first), range.count);
    state.aged.removeRange(placeOf(range.first), range.count);
    state.lacking.get(this.#options.self)?.removeRange(placeOf(range.first), range.count);
  }

  /** Sectors have a version that was learnt (D1) and flushed: it is on a majority. */
  learnt(range: SectorRange): void {
    const state = this.#get(regionOf(range.first));
    state.unconcluded.removeRange(placeOf(range.first), range.count);
    state.aged.removeRange(placeOf(range.first), range.count);
    state.lacking.get(this.#options.self)?.removeRange(placeOf(range.first), range.count);
  }

  /**
   * A version of that stamp is on a majority, and all replicas but `lacking` have it. What the store has with a later
   * stamp stays as open as it is.
   *
   * If the region is not active, this replica has not stored the version: those that have note what is lacking.
   */
  concluded(range: SectorRange, stamp: StrictStamp, lacking: readonly Rank[]): void {
    const state = this.#regions.get(regionOf(range.first));
    if (state === undefined) return;
    const { self, stampOf } = this.#options;
    for (let sector = range.first; sector < endOf(range); sector += 1) {
      const order = compareStrictStamps(stampOf(sector), stamp);
      if (order > 0) continue;
      const at = placeOf(sector);
      state.unconcluded.remove(at);
      // Somebody has healed it. A promise above it that is still there is found by the next sweeps.
      state.check.remove(at);
      for (const [rank, bits] of state.lacking) if (!lacking.includes(rank)) bits.remove(at);
      for (const rank of lacking) bitsOf(state, rank).add(at);
      if (order < 0) bitsOf(state, self).add(at);
    }
  }

  /**
   * To be called at intervals. What was open already at the last sweep, and whose coordinator is not connected, is to
   * be checked: nobody else will conclude it. With `isAll`, coordinators that are connected get no more time either.
   * What was open for a whole round and was not stored anew is to be checked in any case: an operation that was given
   * up leaves a promise, and a CONCLUDED may be lost with its connection. To check too early is safe: it is a heal.
   *
   * @returns whether something is to be checked that was not before.
   */
  sweep(isConnected: (coordinator: CoordinatorId) => boolean, isAll: boolean): boolean {
    this.#sweeps += 1;
    const isRound = this.#sweeps % SWEEPS_OF_ROUND === 0;
    let isFound = false;
    for (const [region, state] of this.#regions) {
      const { unconcluded, old, aged, check } = state;
      const first = region * REGION_SECTORS;
      const orphan = (at: number, { coordinator }: StrictStamp): void => {
        if (!old.has(at) || check.has(at)) return;
        if (!isAll && !(isRound && aged.has(at)) && isConnected(coordinator)) return;
        check.add(at);
        isFound = true;
      };
      const promised: number[] = [];
      this.#options.eachPromise(region, (sector, stamp) => {
        promised.push(sector - first);
        orphan(sector - first, stamp);
      });
      for (let at = unconcluded.first(0); at !== null; at = unconcluded.first(at + 1)) {
        if (old.has(at)) orphan(at, this.#options.stampOf(first + at));
      }
      old.copyFrom(unconcluded);
      for (const at of promised) old.add(at);
      if (isRound) aged.copyFrom(old);
    }
    return isFound;
  }

  /**
   * Takes the next range to heal: what has to be checked, and what a replica lacks that can be asked. It is open until
   * `healed` or `notHealed` is called with it.
   *
   * @param isUp Whether that replica can be asked.
   * @param mayTake Whether this process heals that region now, of which those replicas lack something and are up, and
   * in which something has waited to be healed for so many sweeps. Default: always.
   * @returns null: there is nothing to heal now.
   */
  takeHealing(
    isUp: (rank: Rank) => boolean,
    mayTake: (region: number, lacking: readonly Rank[], sweeps: number) => boolean = () => true,
  ): Healing | null {
    const at = regionOf(this.#cursor);
    const numbers = [...this.#regions.keys()].sort((a, b) => a - b);
    const later = numbers.filter((region) => region >= at);
    for (const [index, region] of [...later, ...numbers.filter((number) => number <= at)].entries()) {
      const isFirst = index === 0 && region === at;
      const healing = this.#takeIn(region, isFirst ? placeOf(this.#cursor) : 0, isUp, mayTake);
      if (healing === null) continue;
      this.#cursor = endOf(healing.range);
      return healing;
    }
    return null;
  }

  #takeIn(
    region: number,
    from: number,
    isUp: (rank: Rank) => boolean,
    mayTake: (region: number, lacking: readonly Rank[], sweeps: number) => boolean,
  ): Healing | null {
    const state = this.#get(region);
    const lacking = [...state.lacking].filter(([rank, { count }]) => count > 0 && isUp(rank));
    const kinds = [state.check, ...lacking.map(([, bits]) => bits)];
    if (kinds.every(({ count }) => count === 0)) {
      state.waitsSince = null;
      return null;
    }
    state.waitsSince ??= this.#sweeps;
    const lackingRanks = lacking.map(([rank]) => rank);
    if (!mayTake(region, lackingRanks, this.#sweeps - state.waitsSince)) return null;
    let first: number | null = null;
    for (const bits of kinds) {
      const found = bits.first(from);
      if (found !== null && (first === null || found < first)) first = found;
    }
    if (first === null) return null;
    const isIn = (at: number): boolean => kinds.some((bits) => bits.has(at));
    let end = first + 1;
    while (end % EXTENT_SECTORS !== 0 && isIn(end)) end += 1;
    const count = end - first;
    const ranks: Rank[] = [];
    for (const [rank, bits] of state.lacking) {
      const before = bits.count;
      bits.removeRange(first, count);
      if (bits.count < before) ranks.push(rank);
    }
    // The healer concludes what it stores. So what is to be checked is no longer up to the coordinator that stored it.
    for (let at = first; at < end; at += 1) if (state.check.has(at)) state.unconcluded.remove(at);
    state.check.removeRange(first, count);
    state.healing += 1;
    return { range: { first: region * REGION_SECTORS + first, count }, lacking: ranks.sort((a, b) => a - b) };
  }

  /**
   * The range has one settled version, which is on all replicas but `lacking`. What became open in the meantime stays
   * open.
   */
  healed({ range }: Healing, lacking: readonly Rank[]): void {
    const state = this.#endHealing(range);
    for (const rank of lacking) bitsOf(state, rank).addRange(placeOf(range.first), range.count);
  }

  /** It has not been brought about: the range is to be checked again. */
  notHealed({ range }: Healing): void {
    this.#endHealing(range).check.addRange(placeOf(range.first), range.count);
  }

  #endHealing({ first }: SectorRange): Region {
    const state = this.#get(regionOf(first));
    assert(state.healing > 0, `nothing is being healed in region ${regionOf(first)}`);
    state.healing -= 1;
    return state;
  }

  #get(region: number): Region {
    const state = this.#regions.get(region);
    assert(state !== undefined, `region ${region} is not active`);
    return state;
  }
}

function newRegion(usedAt: number): Region {
  return {
    inUse: 0,
    usedAt,
    healing: 0,
    unconcluded: new SectorBits(),
    old: new SectorBits(),
    aged: new SectorBits(),
    check: new SectorBits(),
    lacking: new Map(),
    waitsSince: null,
  };
}

function isLacking({ lacking }: Region): boolean {
  for (const { count } of lacking.values()) if (count > 0) return true;
  return false;
}

function bitsOf({ lacking }: Region, rank: Rank): SectorBits {
  let bits = lacking.get(rank);
  if (bits === undefined) {
    bits = new SectorBits();
    lacking.set(rank, bits);
  }
  return bits;
}

function placeOf(sector: SectorIndex): number {
  return sector % REGION_SECTORS;
}
