/**
 * Requests for one extent that are handled one after the other before any of their puts is flushed: each sees the
 * versions that the ones before it are about to put. The puts of all of them are made together then, the last one for
 * each sector. Mutable, for the time of one batch.
 */
import type { SectorIndex } from '../sector.js';
import type { SectorRange } from './range.js';
import { EXTENT_SECTORS, endOf, extentOf } from './range.js';
import type { HeldData, RangeData } from './replicaMessage.js';
import type { CopyPut, CopyView } from './replica.js';
import { sliceOfData } from './runs.js';
import type { StrictStamp, Version } from './version.js';
import { laterOf } from './version.js';

/** A put of a STORE, or of a LEARN: its version is on a majority already. */
export interface BatchPut {
  readonly put: CopyPut;
  readonly isLearnt: boolean;
}

/** In `owners`: the store has the latest version. */
const STORE = -1;

export class ExtentBatch implements CopyView {
  readonly #first: SectorIndex;
  readonly #puts: BatchPut[] = [];
  /** Of each sector of the extent: the index of the last put; null: there is none at all. */
  #owners: Int32Array | null = null;

  /** @param view The copies as they are before the batch. @param range Any range of the extent. */
  constructor(
    private readonly view: CopyView,
    range: SectorRange,
  ) {
    this.#first = extentOf(range) * EXTENT_SECTORS;
  }

  versionOf(sector: SectorIndex): Version {
    return this.#latest(sector) ?? this.view.versionOf(sector);
  }

  promisedOf(sector: SectorIndex): StrictStamp {
    const promised = this.view.promisedOf(sector);
    const latest = this.#latest(sector);
    return latest === null ? promised : laterOf(promised, latest.stamp);
  }

  isDamaged(sector: SectorIndex): boolean {
    return this.#latest(sector) === null && this.view.isDamaged(sector);
  }

  /** Whether a sector of the range is about to be put. */
  puts(range: SectorRange): boolean {
    if (this.#owners === null) return false;
    const from = range.first - this.#first;
    for (let at = from; at < from + range.count; at += 1) if (this.#owners[at] !== STORE) return true;
    return false;
  }

  /** Takes in the puts of a request that was decided with this view. */
  take(puts: readonly CopyPut[], isLearnt: boolean): void {
    for (const put of puts) for (const piece of this.#withData(put)) this.#add({ put: piece, isLearnt });
  }

  /** What remains to be put: no two overlap. */
  result(): BatchPut[] {
    const left: BatchPut[] = [];
    for (const [index, { put, isLearnt }] of this.#puts.entries()) {
      for (const range of this.#ownedBy(index)) left.push({ put: partOf(put, range), isLearnt });
    }
    return left;
  }

  #latest(sector: SectorIndex): CopyPut | null {
    if (this.#owners === null) return null;
    const owner = this.#owners[sector - this.#first];
    return owner === STORE ? null : this.#puts[owner].put;
  }

  #add(added: BatchPut): void {
    const owners = (this.#owners ??= new Int32Array(EXTENT_SECTORS).fill(STORE));
    const from = added.put.range.first - this.#first;
    owners.fill(this.#puts.length, from, from + added.put.range.count);
    this.#puts.push(added);
  }

  #ownedBy(index: number): SectorRange[] {
    const { range } = this.#puts[index].put;
    return this.#runs(range, (at) => this.#owners?.[at] === index);
  }

  /** A put that keeps the data keeps that of the last put before it, where there is one. */
  #withData(put: CopyPut): CopyPut[] {
    if (!isHeld(put.data) || !this.puts(put.range)) return [put];
    const pieces = this.#runs(put.range, (at) => this.#owners?.[at] === STORE).map((range) => partOf(put, range));
    for (const [index, { put: before }] of this.#puts.entries()) {
      for (const range of this.#runs(put.range, (at) => this.#owners?.[at] === index)) {
        pieces.push({ ...put, range, data: partOf(before, range).data });
      }
    }
    return pieces;
  }

  /** The parts of the range, each as long as possible, whose places in the extent are so. */
  #runs(range: SectorRange, isSo: (at: number) => boolean): SectorRange[] {
    const runs: SectorRange[] = [];
    for (let sector = range.first; sector < endOf(range);) {
      const first = sector;
      while (sector < endOf(range) && isSo(sector - this.#first)) sector += 1;
      if (sector > first) runs.push({ first, count: sector - first });
      else sector += 1;
    }
    return runs;
  }
}

function partOf(put: CopyPut, range: SectorRange): CopyPut {
  if (range.first === put.range.first && range.count === put.range.count) return put;
  const { data } = put;
  return { ...put, range, data: isHeld(data) ? data : sliceOfData(data, range.first - put.range.first, range.count) };
}

function isHeld(data: RangeData | HeldData): data is HeldData {
  return typeof data === 'object' && 'held' in data;
}
