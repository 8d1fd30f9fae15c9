/** Reads and writes byte ranges of a disk for users of the library. */
import type { Observable } from 'rxjs';
import { defer, map } from 'rxjs';
import type { Disk } from '../ports/disk.js';
import { readBytes, writeBytes } from '../ports/diskBytes.js';
import { checkRange } from './byteRange.js';

export interface RangeOptions {
  readonly windowSectors: number;
  /** Size of the disk in sectors, if known. */
  readonly sectors?: number;
}

/** Emits the bytes, which are the caller's own, and completes. Fails with ATDD_RANGE if the range leaves the disk. */
export function readRange(
  disk: Disk,
  { windowSectors, sectors }: RangeOptions,
  offsetBytes: number | bigint,
  lengthBytes: number,
): Observable<Uint8Array> {
  return defer(() => {
    const offset = checkRange(offsetBytes, lengthBytes, sectors);
    const bytes$ = readBytes(disk, windowSectors, offset, lengthBytes);
    return disk.readSectors === undefined ? bytes$ : bytes$.pipe(map((bytes) => Uint8Array.from(bytes)));
  });
}

/**
 * Completes when all of it is durable. Until then the caller must not change the data. Fails with ATDD_RANGE if the
 * range leaves the disk.
 */
export function writeRange(
  disk: Disk,
  { windowSectors, sectors }: RangeOptions,
  offsetBytes: number | bigint,
  data: Uint8Array,
): Observable<never> {
  return defer(() => {
    const offset = checkRange(offsetBytes, data.length, sectors);
    const kept = disk.writeSectors === undefined ? data : Uint8Array.from(data);
    return writeBytes(disk, windowSectors, offset, kept);
  });
}
