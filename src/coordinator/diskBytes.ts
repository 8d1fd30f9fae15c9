/**
 * Byte ranges of a disk: with one call where the disk takes consecutive sectors together, and otherwise sector by
 * sector, with at most `windowSectors` of them under way at a time.
 */
import type { Observable } from 'rxjs';
import { EMPTY, endWith, from, ignoreElements, map, merge, mergeMap, of, tap } from 'rxjs';
import type { SectorData } from '../core/sector.js';
import { SECTOR_SIZE_BYTES } from '../core/sector.js';
import type { SectorPart } from '../core/sectorParts.js';
import { isWholeSector, sectorParts } from '../core/sectorParts.js';
import type { Disk } from '../ports/disk.js';

const SECTOR_BYTES = BigInt(SECTOR_SIZE_BYTES);

/** Emits the bytes, which must not be changed, and completes. Each sector is read atomically, the range is not. */
export function readBytes(
  disk: Disk,
  windowSectors: number,
  offsetBytes: bigint,
  lengthBytes: number,
): Observable<Uint8Array> {
  if (lengthBytes === 0) return of(new Uint8Array(0));
  const first = Number(offsetBytes / SECTOR_BYTES);
  const into = Number(offsetBytes % SECTOR_BYTES);
  const count = Math.ceil((into + lengthBytes) / SECTOR_SIZE_BYTES);
  const read$ = disk.readSectors?.(first, count) ?? (count === 1 ? disk.read(first) : null);
  if (read$ !== null) return read$.pipe(map((data) => data.subarray(into, into + lengthBytes)));
  const result = new Uint8Array(lengthBytes);
  const readPart = ({ sector, from: begin, to, at }: SectorPart): Observable<SectorData> =>
    disk.read(sector).pipe(
      tap((data) => {
        result.set(data.subarray(begin, to), at);
      }),
    );
  return from(sectorParts(offsetBytes, lengthBytes)).pipe(
    mergeMap(readPart, windowSectors),
    ignoreElements(),
    endWith(result),
  );
}

/**
 * Completes when all of it is durable. Sectors that are written in part are read, changed and written. The data must
 * never be changed once it was passed on.
 */
export function writeBytes(
  disk: Disk,
  windowSectors: number,
  offsetBytes: bigint,
  data: Uint8Array,
): Observable<never> {
  const writePart = (part: SectorPart): Observable<never> => {
    const { sector, from: begin, to, at } = part;
    const bytes = data.subarray(at, at + to - begin);
    return isWholeSector(part)
      ? disk.write(sector, bytes)
      : disk.update(sector, (current) => withBytes(current, begin, bytes)).pipe(ignoreElements());
  };
  if (disk.writeSectors === undefined) {
    const parts = sectorParts(offsetBytes, data.length);
    return parts.length === 1 ? writePart(parts[0]) : from(parts).pipe(mergeMap(writePart, windowSectors));
  }
  const { head, tail } = edgesOf(offsetBytes, data.length);
  const begin = head === null ? 0 : head.to - head.from;
  const end = data.length - (tail === null ? 0 : tail.to);
  const first = Number((offsetBytes + SECTOR_BYTES - 1n) / SECTOR_BYTES);
  const whole$ =
    end > begin ? disk.writeSectors(first, (end - begin) / SECTOR_SIZE_BYTES, data.subarray(begin, end)) : EMPTY;
  if (head === null && tail === null) return whole$;
  return merge(...[head, tail].map((edge) => (edge === null ? EMPTY : writePart(edge))), whole$);
}

/** The parts at the ends of a range of bytes that are not whole sectors. A range within one sector is a head only. */
export function edgesOf(
  offsetBytes: bigint,
  lengthBytes: number,
): { readonly head: SectorPart | null; readonly tail: SectorPart | null } {
  const into = Number(offsetBytes % SECTOR_BYTES);
  const sector = Number(offsetBytes / SECTOR_BYTES);
  const headBytes =
    into === 0 && lengthBytes >= SECTOR_SIZE_BYTES ? 0 : Math.min(lengthBytes, SECTOR_SIZE_BYTES - into);
  const head = headBytes === 0 ? null : { sector, from: into, to: into + headBytes, at: 0 };
  const tailBytes = (lengthBytes - headBytes) % SECTOR_SIZE_BYTES;
  const at = lengthBytes - tailBytes;
  const tail =
    tailBytes === 0 ? null : { sector: Number((offsetBytes + BigInt(at)) / SECTOR_BYTES), from: 0, to: tailBytes, at };
  return { head, tail };
}

/** A copy of the sector with other bytes from `at` on. */
export function withBytes(current: SectorData, at: number, bytes: Uint8Array): SectorData {
  const data = Uint8Array.from(current);
  data.set(bytes, at);
  return data;
}
