/** What putForever.ts writes and kill.test.ts expects. */
import { ZERO_SECTOR } from '../../src/core/sector.js';
import { dataOf } from './storeHarness.js';

export const KILL_SECTORS = 24;

/** One value in eight is zeros. */
export function killValueOf(sector: number, timestamp: bigint): Uint8Array {
  if (timestamp === 0n || (BigInt(sector) + timestamp) % 8n === 0n) return ZERO_SECTOR;
  return dataOf(Number(timestamp) * KILL_SECTORS + sector);
}
