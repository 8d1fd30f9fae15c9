/** Which consecutive sectors are zeros, and with which stamp, according to the index. */
import type { SectorIndex } from '../core/sector.js';
import type { ToldRun } from '../core/sectorMap.js';
import type { StrictStamp } from '../core/strict/version.js';
import { STRICT_STAMP_INITIAL, compareStrictStamps } from '../core/strict/version.js';
import type { RunsRange } from '../ports/store.js';
import type { SectorTable } from './sectorTable.js';
import { NO_ENTRY, REGION_SECTORS } from './sectorTable.js';

/** Implements SectorStore.runs: all values in the table are flushed. */
export function runsIn(table: SectorTable, { from, end, lookups, runs: max }: RunsRange): ToldRun[] {
  const runs: { sectors: number; zeros: StrictStamp | null }[] = [];
  let at = from;
  for (let count = 0; count < lookups && at < end; count += 1) {
    const region = Math.floor(at / REGION_SECTORS);
    const isEmpty = !table.hasRegion(region);
    const sectors = isEmpty ? Math.min(end, (region + 1) * REGION_SECTORS) - at : 1;
    const zeros = isEmpty ? STRICT_STAMP_INITIAL : zerosAt(table, at);
    const last = runs.at(-1);
    if (last !== undefined && isSame(last.zeros, zeros)) last.sectors += sectors;
    else if (runs.length === max) break;
    else runs.push({ sectors, zeros });
    at += sectors;
  }
  return runs;
}

/** The stamp of a sector of zeros; null: it holds data or is damaged. */
function zerosAt(table: SectorTable, sector: SectorIndex): StrictStamp | null {
  const entry = table.find(sector);
  if (entry === NO_ENTRY) return STRICT_STAMP_INITIAL;
  const isZeros = table.slotAt(entry) === null && !table.isMarked(entry);
  return isZeros ? table.stampAt(entry) : null;
}

function isSame(one: StrictStamp | null, other: StrictStamp | null): boolean {
  return one === null || other === null ? one === other : compareStrictStamps(one, other) === 0;
}
