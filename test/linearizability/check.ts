/**
 * Says whether a history of reads and writes is linearizable: whether every operation can be given one instant between
 * its beginning and its end so that each read returns what was written last.
 *
 * In general that is a search over orders. Here every write writes a value of its own, and then it is not (Gibbons and
 * Korach, "Testing Shared Memories", 1997): all operations with one value, the write and the reads that returned it,
 * must stand together in any valid order, the write first. We call them the *reign* of the value. Reign A must stand
 * before reign B exactly if some operation of A ended before some operation of B began, that is, if the earliest end in
 * A lies before the latest beginning in B. If those demands form a circle at all, two reigns demand it of each other:
 * the reign with the earliest end of all in the circle must stand before every other one in it, also before the one
 * that must stand before it. So the history is linearizable exactly if
 *
 *   1. every read returned the initial value or a written one,
 *   2. no read ended before the write of its value began,
 *   3. no two reigns must each stand before the other.
 *
 * For 3, call a reign whose earliest end lies before its latest beginning *long*: its value was certainly there from
 * the one to the other. Two long reigns clash if these spans overlap; a long and a short one clash if the short one
 * lies wholly inside; two short ones never do. Sorting finds clashes in n log n steps.
 *
 * Unknown outcomes: a read without an answer says nothing and is left out. A write without an answer has no end; if
 * nobody read it, its reign has none, and so clashes with nothing, as it should: the write may never have happened.
 */
import type { Operation, Value } from './history.js';
import { bySector, precedes } from './history.js';
import type { Reign } from './reign.js';
import { createReign } from './reign.js';
import type { Violation } from './explain.js';
import { explainClash, readFromFuture, valueNeverWritten } from './explain.js';

export type CheckResult =
  | { readonly ok: true }
  /** The first violation of each sector that has one. */
  | { readonly ok: false; readonly violations: readonly Violation[] };

/** @throws {Error} if the history breaks the rules of histories (two writes of one value, …). */
export function checkLinearizable(history: readonly Operation[]): CheckResult {
  const violations: Violation[] = [];
  for (const [, operations] of bySector(history)) {
    const violation = checkRegister(operations);
    if (violation !== null) violations.push(violation);
  }
  return violations.length === 0 ? { ok: true } : { ok: false, violations };
}

/** @returns null if the operations, all on one sector, are linearizable. */
function checkRegister(operations: readonly Operation[]): Violation | null {
  const writes = new Map<Value, Operation>();
  const readsOf = new Map<Value, Operation[]>();
  for (const operation of operations) {
    refuseMalformed(operation);
    if (operation.kind === 'write') {
      const other = writes.get(operation.value);
      if (other !== undefined) throw new Error(`"${operation.value}" was written twice`);
      writes.set(operation.value, operation);
    } else if (operation.return !== null) {
      const reads = readsOf.get(operation.value);
      if (reads === undefined) readsOf.set(operation.value, [operation]);
      else reads.push(operation);
    }
  }
  for (const [value, reads] of readsOf) {
    const write = writes.get(value);
    if (value !== null && write === undefined) return valueNeverWritten(reads[0]);
    if (write === undefined) continue;
    const early = reads.find((read) => precedes(read, write));
    if (early !== undefined) return readFromFuture(early, write);
  }
  const clash = findClash(reignsOf(writes, readsOf));
  return clash === null ? null : explainClash(clash[0], clash[1]);
}

function refuseMalformed(operation: Operation): void {
  if (operation.return !== null && operation.return < operation.invoke) {
    throw new Error(`an operation of ${operation.client} ended before it began`);
  }
  if (operation.kind === 'write' && operation.value === null) {
    throw new Error('the initial value cannot be written: no read could tell it from the write');
  }
}

function reignsOf(writes: ReadonlyMap<Value, Operation>, readsOf: ReadonlyMap<Value, readonly Operation[]>): Reign[] {
  return [
    createReign(null, readsOf.get(null) ?? []),
    ...[...writes].map(([value, write]) => createReign(write, readsOf.get(value) ?? [])),
  ];
}

const isLong = (candidate: Reign): boolean => candidate.earliestEnd < candidate.latestBeginning;

/** Two reigns each of which must stand before the other, or null. */
function findClash(reigns: readonly Reign[]): readonly [Reign, Reign] | null {
  const long = reigns.filter(isLong).sort((a, b) => a.earliestEnd - b.earliestEnd);
  // Sorted by where they start, spans that overlap at all include two neighbours that do.
  for (let index = 1; index < long.length; index += 1) {
    if (long[index].earliestEnd < long[index - 1].latestBeginning) {
      return [long[index - 1], long[index]];
    }
  }
  for (const short of reigns) {
    if (isLong(short)) continue;
    // Spans do not overlap: of those that start before this reign only the last can reach past it.
    const around = lastStartingBefore(long, short.latestBeginning);
    if (around !== null && short.earliestEnd < around.latestBeginning) return [around, short];
  }
  return null;
}

/** The last of `long`, which is sorted, whose earliest end lies before `time`, or null. */
function lastStartingBefore(long: readonly Reign[], time: number): Reign | null {
  let low = 0;
  let high = long.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (long[middle].earliestEnd < time) low = middle + 1;
    else high = middle;
  }
  return low === 0 ? null : long[low - 1];
}
