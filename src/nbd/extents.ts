/** Runs of zeros and of data, which become holes and data in replies. */
import { SECTOR_SIZE_BYTES, ZERO_SECTOR } from '../core/sector.js';

/** The bytes `from` (included) to `to` (excluded) of a range. */
export interface Extent {
  readonly from: number;
  readonly to: number;
  readonly isZero: boolean;
}

/**
 * Appends an extent, or extends the last one if it is of the same kind.
 * @param next It begins where the last one ends.
 */
export function addExtent(extents: Extent[], next: Extent): void {
  const last = extents.at(-1);
  if (last?.isZero === next.isZero) extents[extents.length - 1] = { ...last, to: next.to };
  else extents.push(next);
}

/**
 * The extents of a range of the export. Only whole sectors count as zeros, because a hole has to save more than it
 * costs.
 * @param offsetBytes Where the range begins in the export.
 */
export function extentsOf(data: Uint8Array, offsetBytes: bigint): Extent[] {
  const extents: Extent[] = [];
  const into = Number(offsetBytes % BigInt(SECTOR_SIZE_BYTES));
  let to = Math.min(data.length, SECTOR_SIZE_BYTES - into);
  for (let from = 0; from < data.length;) {
    const isZero = to - from === SECTOR_SIZE_BYTES && isZeros(data.subarray(from, to));
    addExtent(extents, { from, to, isZero });
    from = to;
    to = Math.min(data.length, from + SECTOR_SIZE_BYTES);
  }
  return extents;
}

/** @param data At most one sector. */
export function isZeros(data: Uint8Array): boolean {
  return data[0] === 0 && Buffer.compare(data, ZERO_SECTOR.subarray(0, data.length)) === 0;
}
