/** A coordinator as a disk: requests of any length become ranges. */
import type { Observable } from 'rxjs';
import { defer, endWith, from, ignoreElements, map, mergeMap, of, tap } from 'rxjs';
import type { SectorData, SectorIndex } from '../core/sector.js';
import { SECTOR_SIZE_BYTES } from '../core/sector.js';
import type { SectorRun } from '../core/sectorMap.js';
import type { SectorRange } from '../core/strict/range.js';
import { rangesOf } from '../core/strict/range.js';
import type { RangeData } from '../core/strict/replicaMessage.js';
import type { Disk } from '../ports/disk.js';
import type { Coordinator } from './coordinator.js';

/** How many ranges of one request are given to the coordinator at a time: 16 MiB. */
const RANGES_MAX = 16;

export class RangeDisk implements Disk {
  constructor(private readonly coordinator: Pick<Coordinator, 'readRange' | 'writeRange' | 'update'>) {}

  read(sector: SectorIndex): Observable<SectorData> {
    // A copy, because what was read may be a part of a larger message, or what a store of this process holds.
    return this.coordinator
      .readRange({ first: sector, count: 1 })
      .pipe(map((data) => (data === 'zeros' ? new Uint8Array(SECTOR_SIZE_BYTES) : Uint8Array.from(data))));
  }

  /** No runs: replicas of the strict register are not asked for maps yet. */
  map(): Observable<readonly SectorRun[]> {
    return of([]);
  }

  write(sector: SectorIndex, data: SectorData): Observable<never> {
    // A copy, because a slow replica may be sent the data after the write is over.
    return defer(() => this.coordinator.writeRange({ first: sector, count: 1 }, Uint8Array.from(data)));
  }

  /** Other users of the disk do not write in between, either. */
  update(sector: SectorIndex, change: (current: SectorData) => SectorData): Observable<never> {
    return this.coordinator.update(sector, change);
  }

  readSectors(first: SectorIndex, count: number): Observable<Uint8Array> {
    const ranges = rangesOf(first, count);
    if (ranges.length === 1) {
      return this.coordinator
        .readRange(ranges[0])
        .pipe(map((data) => (data === 'zeros' ? new Uint8Array(count * SECTOR_SIZE_BYTES) : data)));
    }
    return defer(() => {
      const whole = new Uint8Array(count * SECTOR_SIZE_BYTES);
      const readPart = (range: SectorRange): Observable<RangeData> =>
        this.coordinator.readRange(range).pipe(
          tap((data) => {
            if (data !== 'zeros') whole.set(data, (range.first - first) * SECTOR_SIZE_BYTES);
          }),
        );
      return from(ranges).pipe(mergeMap(readPart, RANGES_MAX), ignoreElements(), endWith(whole));
    });
  }

  writeSectors(first: SectorIndex, count: number, data: RangeData): Observable<never> {
    const ranges = rangesOf(first, count);
    if (ranges.length === 1) return this.coordinator.writeRange(ranges[0], data);
    const writePart = (range: SectorRange): Observable<never> =>
      this.coordinator.writeRange(range, partOf(data, range.first - first, range.count));
    return from(ranges).pipe(mergeMap(writePart, RANGES_MAX));
  }
}

function partOf(data: RangeData, at: number, count: number): RangeData {
  if (data === 'zeros') return data;
  return data.subarray(at * SECTOR_SIZE_BYTES, (at + count) * SECTOR_SIZE_BYTES);
}
