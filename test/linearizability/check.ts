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
 *
 * Strictness: where the client of a write without an answer crashed, the write has an end after all if anybody read its
 * value: the crash. If nobody did, it may be left out as before. So strict linearizability takes no other search.
 *
 * Updates replace what they found. The reigns that they join stand together, in their order, so each such chain is one
 * block for the argument above (block.ts). Within a block no later reign may have to stand before an earlier one.
 */
import { findDisorder, joinReigns, type Block } from './block.js';
import type { Operation, Value } from './history.js';
import { bySector, precedes } from './history.js';
import type { Reign } from './reign.js';
import { createReign } from './reign.js';
import type { ReadsOf, Violation } from './explain.js';
import { explainClash, explainLateEffect, readFromFuture, valueNeverWritten } from './explain.js';
import { explainBlocks, explainDisorder, explainJoinFault } from './explainUpdates.js';

export type CheckResult =
  | { readonly ok: true }
  /** The first violation of each sector that has one. */
  | { readonly ok: false; readonly violations: readonly Violation[] };

/**
 * Judges strictly where operations say that their client crashed.
 *
 * @throws {Error} if the history breaks the rules of histories (two writes of one value, …).
 */
export function checkLinearizable(history: readonly Operation[]): CheckResult {
  const violations: Violation[] = [];
  for (const [, operations] of bySector(history)) {
    const violation = checkRegister(operations);
    if (violation !== null) violations.push(violation);
  }
  return violations.length === 0 ? { ok: true } : { ok: false, violations };
}

/** Puts a violation into words. */
type Explain = () => Violation;

/** @returns null if the operations, all on one sector, are linearizable; else the plainest reason why they are not. */
function checkRegister(operations: readonly Operation[]): Violation | null {
  for (const operation of operations) refuseMalformed(operation);
  const found = findViolation(operations);
  if (found === null) return null;
  const explain =
    findViolation(operations.map(withoutFound).map(withoutCrash)) ??
    findViolation(operations.map(withoutFound)) ??
    findViolation(operations.map(withoutCrash)) ??
    found;
  return explain();
}

function withoutFound(operation: Operation): Operation {
  const { found, ...rest } = operation;
  return found === undefined ? operation : rest;
}

function withoutCrash(operation: Operation): Operation {
  const { crash, ...rest } = operation;
  return crash === undefined ? operation : rest;
}

function findViolation(operations: readonly Operation[]): Explain | null {
  const writes = new Map<Value, Operation>();
  const readsOf = new Map<Value, Operation[]>();
  for (const operation of operations) {
    if (operation.kind === 'write') {
      const other = writes.get(operation.value);
      if (other !== undefined) throw new Error(`"${operation.value}" was written twice`);
      writes.set(operation.value, operation);
    } else if (operation.return !== null) {
      addTo(readsOf, operation.value, operation);
    }
  }
  const updates = addUpdates(writes, readsOf);
  for (const [value, reads] of readsOf) {
    const write = writes.get(value);
    if (value !== null && write === undefined) return () => valueNeverWritten(reads[0], readsOf);
    if (write === undefined) continue;
    const early = reads.find((read) => precedes(read, write));
    if (early !== undefined) return () => readFromFuture(early, write, readsOf);
  }
  const reigns = reignsOf(writes, readsOf);
  if (updates.length > 0) return findBlockViolation(reigns, updates, readsOf);
  const clash = findClash(reigns);
  if (clash === null) return null;
  return () => explainLateEffect(...clash) ?? explainClash(...clash);
}

function findBlockViolation(reigns: readonly Reign[], updates: readonly Operation[], readsOf: ReadsOf): Explain | null {
  const joined = joinReigns(reigns, updates);
  if (joined.fault !== null) return () => explainJoinFault(joined.fault, readsOf);
  for (const block of joined.blocks) {
    const disorder = findDisorder(block);
    if (disorder !== null) return () => explainDisorder(block, ...disorder, readsOf);
  }
  const clash = findClash<Block>(joined.blocks);
  return clash === null ? null : () => explainBlocks(...clash, readsOf);
}

/** Adds the updates that took effect to the reads of what they found. @returns them. */
function addUpdates(writes: ReadonlyMap<Value, Operation>, readsOf: Map<Value, Operation[]>): Operation[] {
  const updates: Operation[] = [];
  const isEffective = new Set<Operation>();
  for (const write of writes.values()) {
    // One that took effect shows that what it found did so too, and so on.
    let next: Operation | undefined = write.return !== null || readsOf.has(write.value) ? write : undefined;
    while (next?.found !== undefined && !isEffective.has(next)) {
      isEffective.add(next);
      updates.push(next);
      next = writes.get(next.found);
    }
  }
  for (const update of updates) addTo(readsOf, update.found ?? null, update);
  return updates;
}

function addTo(readsOf: Map<Value, Operation[]>, value: Value, read: Operation): void {
  const reads = readsOf.get(value);
  if (reads === undefined) readsOf.set(value, [read]);
  else reads.push(read);
}

function refuseMalformed(operation: Operation): void {
  const { client, invoke, crash, kind, value, found } = operation;
  if (operation.return !== null && operation.return < invoke) {
    throw new Error(`an operation of ${client} ended before it began`);
  }
  if (crash !== undefined && crash < invoke) throw new Error(`${client} crashed before it began an operation`);
  if (crash !== undefined && operation.return !== null) {
    throw new Error(`${client} has an answer and crashed before it`);
  }
  if (kind === 'write' && value === null) {
    throw new Error('the initial value cannot be written: no read could tell it from the write');
  }
  if (found === undefined) return;
  if (kind === 'read') throw new Error(`a read of ${client} replaced a value`);
  if (found === value) throw new Error(`an update of ${client} found what it wrote`);
}

function reignsOf(writes: ReadonlyMap<Value, Operation>, readsOf: ReadonlyMap<Value, readonly Operation[]>): Reign[] {
  return [
    createReign(null, readsOf.get(null) ?? []),
    ...[...writes].map(([value, write]) => createReign(write, readsOf.get(value) ?? [])),
  ];
}

/** What a reign or a block has to do with others. */
type Span = Pick<Reign, 'earliestEnd' | 'latestBeginning'>;

const isLong = (candidate: Span): boolean => candidate.earliestEnd < candidate.latestBeginning;

/** Two reigns or blocks each of which must stand before the other, or null. */
function findClash<Kind extends Span>(spans: readonly Kind[]): readonly [Kind, Kind] | null {
  const long = spans.filter(isLong).sort((a, b) => a.earliestEnd - b.earliestEnd);
  // Sorted by where they start, spans that overlap at all include two neighbours that do.
  for (let index = 1; index < long.length; index += 1) {
    if (long[index].earliestEnd < long[index - 1].latestBeginning) {
      return [long[index - 1], long[index]];
    }
  }
  for (const short of spans) {
    if (isLong(short)) continue;
    // Spans do not overlap: of those that start before this reign only the last can reach past it.
    const around = lastStartingBefore(long, short.latestBeginning);
    if (around !== null && short.earliestEnd < around.latestBeginning) return [around, short];
  }
  return null;
}

/** The last of `long`, which is sorted, whose earliest end lies before `time`, or null. */
function lastStartingBefore<Kind extends Span>(long: readonly Kind[], time: number): Kind | null {
  let low = 0;
  let high = long.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (long[middle].earliestEnd < time) low = middle + 1;
    else high = middle;
  }
  return low === 0 ? null : long[low - 1];
}
