/** Randomness of the operating system. */
import { randomFillSync } from 'node:crypto';
import { OPERATION_ID_SIZE_BYTES } from '../core/operation.js';
import type { Random } from '../ports/random.js';

/** Bytes fetched at a time, because fetching 16 at a time costs ten times as much. */
const POOL_SIZE_BYTES = 4_096;

export function systemRandom(): Random {
  const pool = Buffer.alloc(POOL_SIZE_BYTES);
  let used = POOL_SIZE_BYTES;
  const take = (count: number): number => {
    if (used + count > POOL_SIZE_BYTES) {
      randomFillSync(pool);
      used = 0;
    }
    used += count;
    return used - count;
  };
  return {
    operationId: () => {
      const at = take(OPERATION_ID_SIZE_BYTES);
      return pool.toString('latin1', at, at + OPERATION_ID_SIZE_BYTES);
    },
    fraction: () => pool.readUInt32BE(take(4)) / 2 ** 32,
  };
}
