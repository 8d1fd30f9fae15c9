/**
 * All operations of a register that have one value: the write, and the reads that returned it. In any valid order they
 * stand together. See check.ts.
 */
import type { Operation, Value } from './history.js';

export interface Reign {
  readonly value: Value;
  /** Null for the initial value, which was there before everything. */
  readonly write: Operation | null;
  readonly reads: readonly Operation[];
  /** -Infinity for the initial value. */
  readonly earliestEnd: number;
  /** -Infinity for the initial value when nobody read it. */
  readonly latestBeginning: number;
}

export function createReign(write: Operation | null, reads: readonly Operation[]): Reign {
  let earliestEnd = write === null ? -Infinity : (write.return ?? Infinity);
  let latestBeginning = write === null ? -Infinity : write.invoke;
  for (const read of reads) {
    earliestEnd = Math.min(earliestEnd, read.return ?? Infinity);
    latestBeginning = Math.max(latestBeginning, read.invoke);
  }
  return { value: write?.value ?? null, write, reads, earliestEnd, latestBeginning };
}
