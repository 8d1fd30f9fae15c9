/** Reads and writes byte ranges of a disk, with at most `windowSectors` sectors under way at a time. */
import type { Observable } from 'rxjs';
import { defer, endWith, from, ignoreElements, mergeMap, tap } from 'rxjs';
import type { SectorData } from '../core/sector.js';
import type { SectorPart } from '../core/sectorParts.js';
import { isWholeSector, sectorParts } from '../core/sectorParts.js';
import type { Disk } from '../ports/disk.js';
import { checkRange } from './byteRange.js';

export interface RangeOptions {
  readonly windowSectors: number;
  /** Size of the disk in sectors, if known. */
  readonly sectors?: number;
}

/** Emits the bytes and completes. Fails with ATDD_RANGE if the range leaves the disk. */
export function readRange(
  disk: Disk,
  { windowSectors, sectors }: RangeOptions,
  offsetBytes: number | bigint,
  lengthBytes: number,
): Observable<Uint8Array> {
  return defer(() => {
    const offset = checkRange(offsetBytes, lengthBytes, sectors);
    const result = new Uint8Array(lengthBytes);
    const readPart = ({ sector, from: begin, to, at }: SectorPart): Observable<SectorData> =>
      disk.read(sector).pipe(
        tap((data) => {
          result.set(data.subarray(begin, to), at);
        }),
      );
    return from(sectorParts(offset, lengthBytes)).pipe(
      mergeMap(readPart, windowSectors),
      ignoreElements(),
      endWith(result),
    );
  });
}

/** Completes when all of it is durable. Fails with ATDD_RANGE if the range leaves the disk. */
export function writeRange(
  disk: Disk,
  { windowSectors, sectors }: RangeOptions,
  offsetBytes: number | bigint,
  data: Uint8Array,
): Observable<never> {
  const writePart = (part: SectorPart): Observable<never> => {
    const { sector, from: begin, to, at } = part;
    const bytes = data.subarray(at, at + to - begin);
    if (isWholeSector(part)) return disk.write(sector, bytes);
    const change = (current: SectorData): SectorData => {
      const changed = Uint8Array.from(current);
      changed.set(bytes, begin);
      return changed;
    };
    return disk.update(sector, change);
  };
  return defer(() => {
    const offset = checkRange(offsetBytes, data.length, sectors);
    return from(sectorParts(offset, data.length));
  }).pipe(mergeMap(writePart, windowSectors));
}
