/**
 * Turns puts into the records and the writes of a commit. The sectors of a range get slots that follow each other where
 * there are such, and are written at once then. Zeros get no slot. A sector that keeps its data keeps its slot, its
 * checksum and its origin, and nothing of it is written.
 */
import { assert } from '../core/assert.js';
import { SECTOR_SIZE_BYTES } from '../core/sector.js';
import { STRICT_STAMP_INITIAL } from '../core/strict/version.js';
import type { SectorRecord } from '../ports/blockFiles.js';
import type { RangePut } from '../ports/strictStore.js';
import { isSameStamp } from './baseStamps.js';
import { checksumOf } from './checksum.js';
import { isZeroSector } from './isZeroSector.js';
import { recordIn, type SectorTable } from './sectorTable.js';
import type { SlotMap } from './slotMap.js';

/** A sector of a commit. */
export interface Placement {
  readonly record: SectorRecord;
  /** The committed record that it replaces; null: the sector was never written. */
  readonly before: SectorRecord | null;
  /** Whether data is written into its slot. If not, it has none, or the one that it had. */
  readonly isWritten: boolean;
}

/** Data for slots that follow each other. */
export interface SlotWrite {
  readonly slot: number;
  readonly data: Uint8Array;
}

/** What a commit is to do. */
export interface CommitPlan {
  /** Each of another sector. */
  readonly placements: Placement[];
  readonly writes: SlotWrite[];
}

export interface PlacementContext {
  /** The committed records. */
  readonly table: SectorTable;
  readonly slotMap: SlotMap;
  /** The most sectors of a commit: so far behind the sectors in use a range may be put to be in one piece. */
  readonly batchSectors: number;
}

/** Adds a put to the plan of a commit, and takes the slots for it. */
export function placePut(plan: CommitPlan, put: RangePut, context: PlacementContext): void {
  const { data } = put;
  if (data === 'zeros') placeZeros(plan, put, context);
  else if (data instanceof Uint8Array) placeData(plan, put, data, context);
  else placeHeld(plan, put, data.held, context);
}

function placeZeros({ placements }: CommitPlan, { range, stamp, origin }: RangePut, context: PlacementContext): void {
  for (let sector = range.first; sector < range.first + range.count; sector += 1) {
    const before = recordIn(context.table, sector);
    placements.push({ record: { sector, stamp, origin, slot: null, checksum: 0 }, before, isWritten: false });
  }
}

/** The origin is that of the copy: it is the same, because copies with the same stamp have the same origin. */
function placeHeld(
  { placements }: CommitPlan,
  { range, stamp }: RangePut,
  held: RangePut['stamp'],
  { table }: PlacementContext,
): void {
  for (let sector = range.first; sector < range.first + range.count; sector += 1) {
    const before = recordIn(table, sector);
    const isHeld = isSameStamp(before?.stamp ?? STRICT_STAMP_INITIAL, held);
    assert(isHeld, 'a sector is to keep its data, but holds another version');
    const { origin, slot, checksum } = before ?? { origin: STRICT_STAMP_INITIAL, slot: null, checksum: 0 };
    placements.push({ record: { sector, stamp, origin, slot, checksum }, before, isWritten: false });
  }
}

function placeData(
  { placements, writes }: CommitPlan,
  { range, stamp, origin }: RangePut,
  data: Uint8Array,
  { table, slotMap, batchSectors }: PlacementContext,
): void {
  assert(data.length === range.count * SECTOR_SIZE_BYTES, 'the data of a put are not those of its range');
  const sectors = Array.from({ length: range.count }, (_, index) =>
    range.count === 1 ? data : data.subarray(index * SECTOR_SIZE_BYTES, (index + 1) * SECTOR_SIZE_BYTES),
  );
  const isZeros = sectors.map(isZeroSector);
  const slotCount = isZeros.reduce((count, isZero) => (isZero ? count : count + 1), 0);
  const slots = slotMap.takeRun(slotCount, slotMap.takenCount + slotCount + batchSectors);
  let used = 0;
  /** The first sector of the write that is being gathered, as an index, and the end of it. */
  let begin = 0;
  let end = 0;
  const addWrite = (): void => {
    if (begin === end) return;
    const part = data.subarray(begin * SECTOR_SIZE_BYTES, end * SECTOR_SIZE_BYTES);
    writes.push({ slot: slots[used - (end - begin)], data: part });
  };
  for (let index = 0; index < range.count; index += 1) {
    const sector = range.first + index;
    const before = recordIn(table, sector);
    if (isZeros[index]) {
      placements.push({ record: { sector, stamp, origin, slot: null, checksum: 0 }, before, isWritten: false });
      continue;
    }
    const slot = slots[used];
    const follows = end === index && begin < end && slots[used - 1] + 1 === slot;
    if (!follows) {
      addWrite();
      begin = index;
    }
    end = index + 1;
    used += 1;
    const checksum = checksumOf(sector, origin, sectors[index]);
    placements.push({ record: { sector, stamp, origin, slot, checksum }, before, isWritten: true });
  }
  addWrite();
}
