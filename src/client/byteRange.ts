/** Checks sector indexes and byte ranges against the size of a disk. Pure. */
import type { SectorData } from '../core/sector.js';
import { SECTOR_SIZE_BYTES } from '../core/sector.js';
import { AtomicDiskError } from '../errors.js';

/** The sectors that a number can name, for a disk whose size is not known. */
const SECTORS_NAMEABLE = Number.MAX_SAFE_INTEGER;

/** @throws {AtomicDiskError} ATDD_INVALID_SECTOR_INDEX */
export function checkSector(sector: number, sectors: number = SECTORS_NAMEABLE): void {
  if (Number.isSafeInteger(sector) && sector >= 0 && sector < sectors) return;
  const text = `sector index ${sector} is not a whole number from 0 to ${sectors - 1}`;
  throw new AtomicDiskError('ATDD_INVALID_SECTOR_INDEX', text);
}

/** @throws {AtomicDiskError} ATDD_RANGE */
export function checkSectorData(data: SectorData): void {
  if (data.length === SECTOR_SIZE_BYTES) return;
  const text = `a sector has ${SECTOR_SIZE_BYTES} bytes, not ${data.length}`;
  throw new AtomicDiskError('ATDD_RANGE', text);
}

/**
 * @returns the offset as a bigint.
 * @throws {AtomicDiskError} ATDD_RANGE if offset or length is not a whole number of bytes, or if the range leaves the
 * disk.
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
