/** Byte ranges as parts of sectors. */
import type { SectorIndex } from './sector.js';
import { SECTOR_SIZE_BYTES } from './sector.js';

/** The part of one sector that belongs to a range: its bytes `from` (included) to `to` (excluded). */
export interface SectorPart {
  readonly sector: SectorIndex;
  readonly from: number;
  readonly to: number;
  /** The offset of these bytes in the range. */
  readonly at: number;
}

export function isWholeSector({ from, to }: SectorPart): boolean {
  return to - from === SECTOR_SIZE_BYTES;
}

/** The parts of a range of bytes, in order; none if it is empty. One small object for each sector. */
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
