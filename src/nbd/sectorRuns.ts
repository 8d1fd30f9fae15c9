/** Runs of sectors as requests work on them: cut where they would be too much, sector by sector. */
import type { SectorIndex } from '../core/sector.js';
import type { SectorRun } from '../core/sectorMap.js';

type Kind = SectorRun['kind'];

/** Where nothing is known, everything takes a read. */
export function orUnknown(known: readonly SectorRun[], sectors: number): readonly SectorRun[] {
  return known.length > 0 ? known : [{ sectors, kind: 'unknown' }];
}

/** The runs up to the sector that is the last of so many of those kinds; at least one sector. */
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

/** The sectors of those kinds, of runs that begin at that one. */
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
