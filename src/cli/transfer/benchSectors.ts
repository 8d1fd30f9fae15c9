/** The data that a bench writes, and the check of the sectors that it may write. Pure. */
import { SECTOR_SIZE_BYTES } from '../../core/sector.js';

/** The first bytes of every sector that a bench has written: the next bench may use such a sector too. */
const MARK = Buffer.from('atdd bench data\n');

const PATTERN_COUNT = 16;

/** Sectors with the mark that compress badly and are not all zeros, as real data. */
export function benchPatterns(fraction: () => number): Buffer[] {
  return Array.from({ length: PATTERN_COUNT }, () => {
    const data = Buffer.alloc(SECTOR_SIZE_BYTES);
    for (let at = 0; at < data.length; at += 4) {
      data.writeUInt32LE(Math.floor(fraction() * 2 ** 32), at);
    }
    MARK.copy(data);
    return data;
  });
}

/** Whether a sector is empty (never written, or zeros) or was written by a bench. */
export function isFree(sector: Buffer): boolean {
  return sector.subarray(0, MARK.length).equals(MARK) || sector.equals(ZEROS);
}

const ZEROS = Buffer.alloc(SECTOR_SIZE_BYTES);

/** @returns the position of the first sector in `data` that is not free, or null. */
export function firstTaken(data: Uint8Array): number | null {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  for (let at = 0; at < bytes.length; at += SECTOR_SIZE_BYTES) {
    if (!isFree(bytes.subarray(at, at + SECTOR_SIZE_BYTES))) return at / SECTOR_SIZE_BYTES;
  }
  return null;
}

/**
 * @returns a function that decides for each operation in turn whether it is a read, so that exactly that share of them
 *   is.
 */
export function readChooser(readFraction: number): () => boolean {
  let readsDue = 0;
  return () => {
    readsDue += readFraction;
    // Fractions such as 0.1 add up to a little less than 1.
    if (readsDue < 1 - 1e-9) return false;
    readsDue -= 1;
    return true;
  };
}
