/** What putForever.ts writes and kill.test.ts expects. */
import { ZERO_SECTOR } from '../../src/core/sector.js';
import { dataOf } from './storeHarness.js';

export const KILL_SECTORS = 96;

/** Small, so that the file is shrunk and the metadata are opened again many times a second. */
export const KILL_STORE = { batchSectors: 8, reopenAfterRecords: 2_000 } as const;

/** So many values in a row are data, then as many are zeros but for one sector in eight. */
const PHASE = 12n;

export function killValueOf(sector: number, timestamp: bigint): Uint8Array {
  const isSparse = (timestamp / PHASE) % 2n === 1n && sector % 8 !== 0;
  if (timestamp === 0n || isSparse) return ZERO_SECTOR;
  return dataOf(Number(timestamp) * KILL_SECTORS + sector);
}
