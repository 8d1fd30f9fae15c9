/** Finds the sectors of data that are zeros: zeros need not be written over zeros. */
import { SECTOR_SIZE_BYTES, ZERO_SECTOR } from '../../core/sector.js';

/** Bytes `from` to `to`, exclusive, of some data. */
export interface Run {
  readonly from: number;
  readonly to: number;
  readonly isZero: boolean;
}

/** @returns the runs of the data from its beginning to its end; the last sector may be incomplete. */
export function runsOf(data: Uint8Array): Run[] {
  const runs: Run[] = [];
  for (let from = 0; from < data.length; from += SECTOR_SIZE_BYTES) {
    const to = Math.min(from + SECTOR_SIZE_BYTES, data.length);
    const isZero = isZeros(data.subarray(from, to));
    const last = runs.at(-1);
    if (last?.isZero === isZero) runs[runs.length - 1] = { ...last, to };
    else runs.push({ from, to, isZero });
  }
  return runs;
}

function isZeros(part: Uint8Array): boolean {
  return part[0] === 0 && Buffer.compare(part, ZERO_SECTOR.subarray(0, part.length)) === 0;
}
