/** Reads copies from the data file and verifies what is there. */
import { catchError, concatMap, defer, from, map, of, toArray, type Observable } from 'rxjs';
import { SECTOR_SIZE_BYTES, ZERO_SECTOR, type SectorIndex } from '../core/sector.js';
import type { SectorRange } from '../core/strict/range.js';
import { describeError } from '../errors.js';
import type { SlotFile } from '../ports/blockFiles.js';
import type { Copy } from '../ports/store.js';
import type { CopyRun } from '../ports/strictStore.js';
import { checksumOf } from './checksum.js';
import type { DamageLog } from './damageLog.js';
import { type EntryNumber, NO_ENTRY, type SectorTable } from './sectorTable.js';

export interface CopyReader {
  /** As SectorStore.load. */
  load(sector: SectorIndex): Observable<Copy>;
  /** As StrictStore.loadRange. */
  loadRange(range: SectorRange): Observable<readonly CopyRun[]>;
}

const DAMAGED: Copy = { kind: 'damaged' };
const ZERO_COPY: Copy = { kind: 'sound', data: ZERO_SECTOR };

export function copyReader(slotFile: SlotFile, table: SectorTable, damageLog: DamageLog): CopyReader {
  const loadSlot = (sector: SectorIndex, entry: EntryNumber, slot: number): Observable<Copy> => {
    const origin = table.originAt(entry);
    const checksum = table.checksumAt(entry);
    const damaged = (reason: string): Observable<Copy> => {
      // The sector was moved while it was read, and the slot may hold another sector by now. The recursion ends,
      // because moves only go down.
      const slotNow = table.slotAt(entry);
      if (slotNow !== null && slotNow !== slot) return loadSlot(sector, entry, slotNow);
      if (!table.isMarked(entry)) damageLog.report(sector, slot, reason);
      table.mark(entry);
      return of(DAMAGED);
    };
    return slotFile.read(slot).pipe(
      catchError((error: unknown) => of(describeError(error))),
      concatMap((data): Observable<Copy> => {
        if (typeof data === 'string') return damaged(data);
        if (data.length !== SECTOR_SIZE_BYTES) return damaged(`${data.length} bytes were read`);
        const isSound = checksumOf(sector, origin, data) === checksum;
        return isSound ? of({ kind: 'sound', data }) : damaged('checksum mismatch');
      }),
    );
  };
  const load = (sector: SectorIndex): Observable<Copy> =>
    defer(() => {
      const entry = table.find(sector);
      const slot = entry === NO_ENTRY ? null : table.slotAt(entry);
      return slot === null ? of(ZERO_COPY) : loadSlot(sector, entry, slot);
    });
  const loadRange = (range: SectorRange): Observable<readonly CopyRun[]> =>
    defer(() => {
      const found = lookUp(range, table);
      if (found.slots.length === 0) return of(runsOf(found, EMPTY));
      return slotFile.readAll(found.slots).pipe(
        catchError(() => of(null)),
        concatMap((data) => {
          const bytes = data ?? new Uint8Array(found.slots.length * SECTOR_SIZE_BYTES);
          const doubtful = data === null ? found.sectors : mismatches(found, bytes, table);
          if (doubtful.length === 0) return of(runsOf(found, bytes));
          return readSingly(doubtful, found, bytes);
        }),
      );
    });
  /** Reads these again, one by one: some may be damaged, or were moved meanwhile. */
  const readSingly = (sectors: readonly SectorIndex[], found: Found, bytes: Uint8Array) =>
    from(sectors).pipe(
      concatMap((sector) => load(sector).pipe(map((copy) => ({ sector, copy })))),
      toArray(),
      map((copies) => {
        for (const { sector, copy } of copies) {
          if (copy.kind === 'sound') bytes.set(copy.data, found.sectors.indexOf(sector) * SECTOR_SIZE_BYTES);
          else found.kinds[sector - found.first] = DAMAGE;
        }
        return runsOf(found, bytes);
      }),
    );
  return { load, loadRange };
}

const EMPTY = new Uint8Array(0);

const ZEROS = 0;
const DATA = 1;
const DAMAGE = 2;

/** What the index has of a range. */
interface Found {
  readonly first: SectorIndex;
  /** ZEROS, DATA or DAMAGE, for each sector. */
  readonly kinds: Uint8Array;
  /** The sectors that have a slot, in order, and their slots. */
  readonly sectors: readonly SectorIndex[];
  readonly slots: readonly number[];
}

function lookUp({ first, count }: SectorRange, table: SectorTable): Found {
  const kinds = new Uint8Array(count);
  const sectors: SectorIndex[] = [];
  const slots: number[] = [];
  for (let index = 0; index < count; index += 1) {
    const entry = table.find(first + index);
    const slot = entry === NO_ENTRY ? null : table.slotAt(entry);
    if (slot === null) continue;
    kinds[index] = DATA;
    sectors.push(first + index);
    slots.push(slot);
  }
  return { first, kinds, sectors, slots };
}

/** @returns the sectors whose bytes do not match their checksum. */
function mismatches({ sectors }: Found, bytes: Uint8Array, table: SectorTable): SectorIndex[] {
  return sectors.filter((sector, index) => {
    const entry = table.find(sector);
    const data = bytes.subarray(index * SECTOR_SIZE_BYTES, (index + 1) * SECTOR_SIZE_BYTES);
    return (
      data.length !== SECTOR_SIZE_BYTES || checksumOf(sector, table.originAt(entry), data) !== table.checksumAt(entry)
    );
  });
}

/** @param bytes The data of all sectors that have a slot. */
function runsOf({ kinds }: Found, bytes: Uint8Array): CopyRun[] {
  const runs: CopyRun[] = [];
  let at = 0;
  for (let start = 0; start < kinds.length;) {
    const kind = kinds[start];
    let end = start + 1;
    while (end < kinds.length && kinds[end] === kind) end += 1;
    const count = end - start;
    const size = kind === ZEROS ? 0 : count * SECTOR_SIZE_BYTES;
    if (kind === DATA) runs.push({ count, data: bytes.subarray(at, at + size) });
    else runs.push({ count, data: kind === ZEROS ? 'zeros' : 'damaged' });
    at += size;
    start = end;
  }
  return runs;
}
