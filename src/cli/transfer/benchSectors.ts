/** The data that a bench writes, and which sectors it may write it to. Pure. */
import { SECTOR_SIZE_BYTES } from '../../core/sector.js';

/** Begins every sector that a bench has written, so that the next one may use it too. */
const MARK = Buffer.from('atdd bench data\n');

const PATTERN_COUNT = 16;

/** Marked sectors that compress badly and are not all zeros, as real data. */
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

/** Whether a sector holds nothing (never written, or zeros) or what a bench wrote. */
export function isFree(sector: Buffer): boolean {
  return sector.subarray(0, MARK.length).equals(MARK) || sector.equals(ZEROS);
}

const ZEROS = Buffer.alloc(SECTOR_SIZE_BYTES);

/** @returns position of the first sector in `data` that holds something else, or null. */
export function firstTaken(data: Uint8Array): number | null {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  for (let at = 0; at < bytes.length; at += SECTOR_SIZE_BYTES) {
    if (!isFree(bytes.subarray(at, at + SECTOR_SIZE_BYTES))) return at / SECTOR_SIZE_BYTES;
  }
  return null;
}

/** Decides for each operation in turn whether it is a read, so that the share comes out exactly. */
export function readChooser(readFraction: number): () => boolean {
  let owed = 0;
  return () => {
    owed += readFraction;
    // Fractions such as 0.1 add up to a little less than 1.
    if (owed < 1 - 1e-9) return false;
    owed -= 1;
    return true;
  };
}
