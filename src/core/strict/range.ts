/** Ranges of sectors: what the messages of the strict register speak of. Pure. */
import { assert } from '../assert.js';
import type { SectorIndex } from '../sector.js';

/**
 * Sectors of an extent: a replica serialises by extents, so no range crosses a multiple of this number. 1 MiB of data.
 */
export const EXTENT_SECTORS = 256;

/** Sectors of a region, 4 MiB: the unit in which a replica notes what a crash may leave undecided (A4). */
export const REGION_SECTORS = 4 * EXTENT_SECTORS;

/** Consecutive sectors of one extent. */
export interface SectorRange {
  readonly first: SectorIndex;
  /** 1 to EXTENT_SECTORS. */
  readonly count: number;
}

/** The sector behind the last one. */
export function endOf({ first, count }: SectorRange): SectorIndex {
  return first + count;
}

export function extentOf({ first }: Pick<SectorRange, 'first'>): number {
  return Math.floor(first / EXTENT_SECTORS);
}

/** The first sector of the extent of a sector. */
export function extentStartOf(sector: SectorIndex): SectorIndex {
  return sector - (sector % EXTENT_SECTORS);
}

/** All sectors of an extent of a disk of `sectors` sectors. */
export function rangeOfExtent(extent: number, sectors: number): SectorRange {
  const first = extent * EXTENT_SECTORS;
  return { first, count: Math.min(EXTENT_SECTORS, sectors - first) };
}

export function regionOf(sector: SectorIndex): number {
  return Math.floor(sector / REGION_SECTORS);
}

/** Whether the numbers are a range of a disk of `sectors` sectors. */
export function isRange({ first, count }: SectorRange, sectors: number): boolean {
  return (
    Number.isSafeInteger(first) &&
    Number.isInteger(count) &&
    first >= 0 &&
    count >= 1 &&
    first + count <= sectors &&
    Math.floor(first / EXTENT_SECTORS) === Math.floor((first + count - 1) / EXTENT_SECTORS)
  );
}

export function overlap(a: SectorRange, b: SectorRange): boolean {
  return a.first < endOf(b) && b.first < endOf(a);
}

/** @returns the part of both; null: there is none. */
export function intersectionOf(a: SectorRange, b: SectorRange): SectorRange | null {
  const first = Math.max(a.first, b.first);
  const count = Math.min(endOf(a), endOf(b)) - first;
  return count > 0 ? { first, count } : null;
}

/** Cuts `count` sectors from `first` on into ranges, none of which crosses an extent. */
export function rangesOf(first: SectorIndex, count: number): SectorRange[] {
  assert(count >= 0, `a range of ${count} sectors`);
  const ranges: SectorRange[] = [];
  const end = first + count;
  for (let at = first; at < end;) {
    const next = Math.min(end, (Math.floor(at / EXTENT_SECTORS) + 1) * EXTENT_SECTORS);
    ranges.push({ first: at, count: next - at });
    at = next;
  }
  return ranges;
}
