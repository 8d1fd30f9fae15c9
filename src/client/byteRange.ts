/** Byte ranges of the disk as sectors. Pure. */
import { SECTOR_SIZE_BYTES } from '../core/sector.js';
import type { SectorIndex } from '../core/sector.js';
import { AtomicDiskError } from '../errors.js';

/** What of one sector belongs to a range: the bytes `from` (included) to `to` (excluded). */
export interface SectorPart {
  readonly sector: SectorIndex;
  readonly from: number;
  readonly to: number;
  /** Where these bytes stand in the range. */
  readonly at: number;
}

export function isWholeSector({ from, to }: SectorPart): boolean {
  return to - from === SECTOR_SIZE_BYTES;
}

/** The parts of a range, in order; none if it is empty. One small object for each 4 KiB. */
export function sectorParts(offsetBytes: bigint, lengthBytes: number): SectorPart[] {
  const size = BigInt(SECTOR_SIZE_BYTES);
  let sector = Number(offsetBytes / size);
  let from = Number(offsetBytes % size);
  const parts: SectorPart[] = [];
  for (let at = 0; at < lengthBytes;) {
    const to = Math.min(SECTOR_SIZE_BYTES, from + lengthBytes - at);
    parts.push({ sector, from, to, at });
    at += to - from;
    sector += 1;
    from = 0;
  }
  return parts;
}

/** The sectors that a number can name, for a disk whose size is not known. */
const SECTORS_NAMEABLE = Number.MAX_SAFE_INTEGER;

/** @throws {AtomicDiskError} ATDD_INVALID_SECTOR_INDEX */
export function checkSector(sector: number, sectors: number = SECTORS_NAMEABLE): void {
  if (Number.isSafeInteger(sector) && sector >= 0 && sector < sectors) return;
  const text = `sector index ${sector} is not a whole number from 0 to ${sectors - 1}`;
  throw new AtomicDiskError('ATDD_INVALID_SECTOR_INDEX', text);
}

/**
 * @returns the offset as a bigint.
 * @throws {AtomicDiskError} ATDD_RANGE if the range is not one, or leaves the disk.
 */
export function checkRange(
  offsetBytes: number | bigint,
  lengthBytes: number,
  sectors: number = SECTORS_NAMEABLE,
): bigint {
  if (typeof offsetBytes === 'number' && !Number.isSafeInteger(offsetBytes)) {
    throw new AtomicDiskError('ATDD_RANGE', `offset ${offsetBytes} is not a whole number of bytes`);
  }
  if (!Number.isSafeInteger(lengthBytes) || lengthBytes < 0) {
    throw new AtomicDiskError('ATDD_RANGE', `length ${lengthBytes} is not a whole number of bytes`);
  }
  const offset = BigInt(offsetBytes);
  const end = offset + BigInt(lengthBytes);
  const size = BigInt(sectors) * BigInt(SECTOR_SIZE_BYTES);
  if (offset < 0n || end > size) {
    const text = `bytes ${offset} to ${end} are not within the disk of ${size} bytes`;
    throw new AtomicDiskError('ATDD_RANGE', text);
  }
  return offset;
}
