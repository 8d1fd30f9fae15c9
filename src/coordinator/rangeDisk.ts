/** A coordinator as a disk: requests of any length become ranges. */
import type { Observable } from 'rxjs';
import { concatMap, defer, endWith, forkJoin, from, ignoreElements, map, mergeMap, of, takeWhile, tap } from 'rxjs';
import type { SectorData, SectorIndex } from '../core/sector.js';
import { SECTOR_SIZE_BYTES, ZERO_SECTOR } from '../core/sector.js';
import type { SectorRun } from '../core/sectorMap.js';
import type { SectorRange } from '../core/strict/range.js';
import { rangesOf } from '../core/strict/range.js';
import type { RangeData } from '../core/strict/replicaMessage.js';
import type { Disk } from '../ports/disk.js';
import type { Coordinator } from './coordinator.js';

/** How many ranges of one request are given to the coordinator at a time: 16 MiB. */
const RANGES_MAX = 16;

/** How many ranges a map reads at a time: 8 MiB, if there is data. */
const MAP_STEP_RANGES = 8;

/** The most sectors of one map: 256 MiB. */
const MAP_SECTORS_MAX = 65_536;

export class RangeDisk implements Disk {
  /**
   * @param mapOf Emits once what a majority of the replicas tells of the sectors from `from` to `end` without reading
   *   them, from `from` on; no runs: nothing is told. Default: nothing.
   */
  constructor(
    private readonly coordinator: Pick<Coordinator, 'readRange' | 'writeRange' | 'update'>,
    private readonly mapOf: (from: SectorIndex, end: SectorIndex) => Observable<readonly SectorRun[]> = () => of([]),
  ) {}

  read(sector: SectorIndex): Observable<SectorData> {
    // A copy, because what was read may be a part of a larger message, or what a store of this process holds.
    return this.coordinator
      .readRange({ first: sector, count: 1 })
      .pipe(map((data) => (data === 'zeros' ? new Uint8Array(SECTOR_SIZE_BYTES) : Uint8Array.from(data))));
  }

  /**
   * What replicas do not tell alike is data: somebody has written it. To call zeros data is allowed, and to read them
   * takes longer than to write zeros over them.
   */
  map(first: SectorIndex, count: number): Observable<readonly SectorRun[]> {
    return defer(() => this.mapOf(first, first + count)).pipe(
      concatMap((told) => {
        if (told.length === 0) return this.#readMap(first, count);
        const runs: SectorRun[] = [];
        for (const { sectors, kind } of told) addRun(runs, { sectors, kind: kind === 'zeros' ? kind : 'data' });
        return of(runs);
      }),
    );
  }

  /**
   * Reads, because the answer for sectors that were never written has no data. So such a map is long where the disk is
   * empty, and ends soon after data has come.
   */
  #readMap(first: SectorIndex, count: number): Observable<readonly SectorRun[]> {
    return defer(() => {
      const runs: SectorRun[] = [];
      const read$ = (step: readonly SectorRange[]): Observable<boolean> =>
        forkJoin(step.map((range) => this.coordinator.readRange(range))).pipe(
          map((pieces) => {
            for (const [index, data] of pieces.entries()) addRuns(runs, step[index].count, data);
            return pieces.every((data) => data === 'zeros');
          }),
        );
      const ranges = rangesOf(first, Math.min(count, MAP_SECTORS_MAX));
      const steps = Array.from({ length: Math.ceil(ranges.length / MAP_STEP_RANGES) }, (_, index) =>
        ranges.slice(index * MAP_STEP_RANGES, (index + 1) * MAP_STEP_RANGES),
      );
      return from(steps).pipe(
        concatMap(read$),
        takeWhile((isEmpty) => isEmpty),
        ignoreElements(),
        endWith(runs),
      );
    });
  }

  write(sector: SectorIndex, data: SectorData): Observable<never> {
    // A copy, because a slow replica may be sent the data after the write is over.
    return defer(() => this.coordinator.writeRange({ first: sector, count: 1 }, Uint8Array.from(data)));
  }

  /** Other users of the disk do not write in between, either. */
  update(sector: SectorIndex, change: (current: SectorData) => SectorData): Observable<SectorData> {
    return this.coordinator.update(sector, change).pipe(map((data) => (data === 'zeros' ? ZERO_SECTOR : data)));
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

/** Appends what some sectors were read as. */
function addRuns(runs: SectorRun[], count: number, data: RangeData): void {
  if (data === 'zeros') addRun(runs, { sectors: count, kind: 'zeros' });
  else {
    for (let at = 0; at < data.length; at += SECTOR_SIZE_BYTES) {
      const sector = data.subarray(at, at + SECTOR_SIZE_BYTES);
      const isZero = sector[0] === 0 && Buffer.compare(sector, ZERO_SECTOR) === 0;
      addRun(runs, { sectors: 1, kind: isZero ? 'zeros' : 'data' });
    }
  }
}

function addRun(runs: SectorRun[], run: SectorRun): void {
  const last = runs.at(-1);
  if (last?.kind === run.kind) runs[runs.length - 1] = { ...last, sectors: last.sectors + run.sectors };
  else runs.push(run);
}
