/** Cuts runs of sectors into parts that a request can handle, and takes them apart into sectors. */
import type { SectorIndex } from '../core/sector.js';
import type { SectorRun } from '../core/sectorMap.js';

type Kind = SectorRun['kind'];

/** The known runs; one run of `unknown` if there are none, because then only reads can tell. */
export function orUnknown(known: readonly SectorRun[], sectors: number): readonly SectorRun[] {
  return known.length > 0 ? known : [{ sectors, kind: 'unknown' }];
}

/**
 * The runs from the first one on, with at most `max` sectors of those kinds, and how many sectors they have in all.
 * @param runs At least one.
 * @param max At least 1.
 */
export function cutAfter(
  runs: readonly SectorRun[],
  max: number,
  kinds: readonly Kind[],
): { readonly runs: readonly SectorRun[]; readonly sectors: number } {
  const taken: SectorRun[] = [];
  let sectors = 0;
  let left = max;
  for (const run of runs) {
    const isCounted = kinds.includes(run.kind);
    if (isCounted && left === 0) break;
    const count = isCounted ? Math.min(run.sectors, left) : run.sectors;
    taken.push({ ...run, sectors: count });
    sectors += count;
    if (isCounted) left -= count;
    if (count < run.sectors) break;
  }
  return { runs: taken, sectors };
}

/** Consecutive sectors of one kind. */
export interface SectorPiece {
  readonly sector: SectorIndex;
  readonly count: number;
  readonly kind: Kind;
}

/**
 * What is not known to be zeros, in order: `data` in pieces of at most `max` sectors, `unknown` sector by sector.
 * @param first The sector at which the runs begin.
 */
export function piecesOf(runs: readonly SectorRun[], first: SectorIndex, max: number): SectorPiece[] {
  const found: SectorPiece[] = [];
  let at = first;
  for (const { sectors, kind } of runs) {
    const end = at + sectors;
    const step = kind === 'data' ? max : 1;
    for (let sector = at; kind !== 'zeros' && sector < end; sector += step) {
      found.push({ sector, count: Math.min(step, end - sector), kind });
    }
    at = end;
  }
  return found;
}

/**
 * The sectors of those kinds, in order.
 * @param first The sector at which the runs begin.
 */
export function sectorsOf(
  runs: readonly SectorRun[],
  first: SectorIndex,
  kinds: readonly Kind[],
): { readonly sector: SectorIndex; readonly kind: Kind }[] {
  const found: { sector: SectorIndex; kind: Kind }[] = [];
  let at = first;
  for (const { sectors, kind } of runs) {
    const end = at + sectors;
    for (let sector = at; kinds.includes(kind) && sector < end; sector += 1) {
      found.push({ sector, kind });
    }
    at = end;
  }
  return found;
}
