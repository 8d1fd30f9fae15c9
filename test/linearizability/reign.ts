/**
 * All operations of a register that have one value: the write, and the reads that returned it. In any valid order they
 * stand together. See check.ts.
 */
import type { Operation, Value } from './history.js';
import { latestEffect } from './history.js';

export interface Reign {
  readonly value: Value;
  /** Null for the initial value, which was there before everything. */
  readonly write: Operation | null;
  /** Updates that found the value are among them. */
  readonly reads: readonly Operation[];
  /** -Infinity for the initial value. */
  readonly earliestEnd: number;
  /** -Infinity for the initial value when nobody read it. */
  readonly latestBeginning: number;
}

export function createReign(write: Operation | null, reads: readonly Operation[]): Reign {
  let earliestEnd = write === null ? -Infinity : endOfWrite(write, reads.length > 0);
  let latestBeginning = write === null ? -Infinity : write.invoke;
  for (const read of reads) {
    earliestEnd = Math.min(earliestEnd, latestEffect(read));
    latestBeginning = Math.max(latestBeginning, read.invoke);
  }
  return { value: write?.value ?? null, write, reads, earliestEnd, latestBeginning };
}

/** A write without an answer that nobody has seen may never have happened, also where its client crashed. */
function endOfWrite(write: Operation, isSeen: boolean): number {
  return isSeen ? latestEffect(write) : (write.return ?? Infinity);
}
