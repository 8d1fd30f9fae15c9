/** Puts a violation into words: which operations, at which times, and why no order of them exists. */
import type { Operation, Value } from './history.js';
import { describeOperation, describeValue, latestEffect, precedes } from './history.js';
import type { Reign } from './reign.js';

export type ViolationKind =
  /** A read returned what nobody wrote. */
  | 'valueNeverWritten'
  /** A read ended before the write of its value began. */
  | 'readFromFuture'
  /** A read returned a value although a newer one had been acknowledged before it began. */
  | 'staleRead'
  /** As staleRead, and nobody ever read the newer value. */
  | 'lostWrite'
  /** One read returned the newer value, a later one the older; the newer was being written. */
  | 'newOldInversion'
  /** Of two writes side by side: the value of one was there, then the other's, then the first's. */
  | 'valueCameBack'
  /** Of two writes side by side: some saw them in one order, some in the other. */
  | 'contradictoryOrders'
  /** A write took effect after its client had crashed, and after others had seen that it had not. */
  | 'lateEffect'
  /** Between what an update found and what it wrote another value was there, or it found what others replaced. */
  | 'brokenUpdate';

export interface Violation {
  readonly sector: number;
  readonly kind: ViolationKind;
  /** Those that cannot all be true, in the order in which the text names them. */
  readonly operations: readonly Operation[];
  readonly text: string;
}

/** The reads of each value, updates that found it included. */
export type ReadsOf = ReadonlyMap<Value, readonly Operation[]>;

export function valueNeverWritten(read: Operation, readsOf: ReadsOf): Violation {
  return violation('valueNeverWritten', withEvidence([read], readsOf), 'No write of this sector wrote that value.');
}

export function readFromFuture(read: Operation, write: Operation, readsOf: ReadsOf): Violation {
  const why = 'The read ended before the write of its value began.';
  return violation('readFromFuture', withEvidence([read, write], readsOf), why);
}

/** Explains two reigns each of which must stand before the other. */
export function explainClash(a: Reign, b: Reign): Violation {
  if (wasWrittenBefore(a, b)) return explainOldAfterNew(a, b);
  if (wasWrittenBefore(b, a)) return explainOldAfterNew(b, a);
  return explainReturn(a, b) ?? explainReturn(b, a) ?? explainContradiction(a, b);
}

/** If it is the crash of a client that makes the two reigns clash. */
export function explainLateEffect(a: Reign, b: Reign): Violation | null {
  if (crashedFirst(a)) return lateEffect(a, b);
  return crashedFirst(b) ? lateEffect(b, a) : null;
}

function crashedFirst({ write, earliestEnd }: Reign): boolean {
  return write?.crash !== undefined && write.crash === earliestEnd;
}

/** The client that wrote `late` crashed before an operation of `other` began. */
function lateEffect(late: Reign, other: Reign): Violation {
  const write = expectFound(late.write ?? undefined);
  const after = lastToBegin(other);
  // The initial value was there before everything.
  const before = other.write === null ? [] : [firstToEnd(other)];
  const last = lastToBegin(late);
  const read = last === write ? late.reads[0] : last;
  const why =
    `The client of the first crashed before the second began, so ${quote(late)} was there before ` +
    `${quote(other)} or never. It was read. But ${quote(other)} was there before it.`;
  const readsOf = new Map([late, other].map((reign) => [reign.value, reign.reads]));
  return violation('lateEffect', withEvidence([write, after, ...before, read], readsOf), why);
}

/** Whether the write of `older` ended before the one of `newer` began. */
function wasWrittenBefore(older: Reign, newer: Reign): boolean {
  if (newer.write === null) return false;
  return older.write === null || precedes(older.write, newer.write);
}

function explainOldAfterNew(older: Reign, newer: Reign): Violation {
  // The write of the older value cannot be the one that came late, so a read did.
  const late = expectFound(first(older.reads, (read) => read.invoke > newer.earliestEnd));
  const writes = [older.write, newer.write].filter((write) => write !== null);
  if (newer.write !== null && precedes(newer.write, late)) {
    const overwritten = `the write of ${quote(newer)} had been acknowledged before the read began`;
    if (newer.reads.length === 0) {
      const why = `${overwritten}, and nobody ever read it: the acknowledged write is lost.`;
      return violation('lostWrite', [...writes, late], capitalized(why));
    }
    const why = `${overwritten}, so it could not return the older ${quote(older)} any more.`;
    return violation('staleRead', [...writes, late], capitalized(why));
  }
  const seen = expectFound(first(newer.reads, (read) => precedes(read, late)));
  const why =
    `The newer ${quote(newer)} had been read before the last read began, so that read could not ` +
    `return the older ${quote(older)} any more.`;
  return violation('newOldInversion', [...writes, seen, late], why);
}

/** A then B then A, if that is what happened. */
function explainReturn(a: Reign, b: Reign): Violation | null {
  const before = firstToEnd(a);
  const after = lastToBegin(a);
  const between = operationsOf(b).find((one) => precedes(before, one) && precedes(one, after));
  if (between === undefined) return null;
  const why =
    `${quote(a)} was there, then ${quote(b)}, then ${quote(a)} again, each time one operation ` +
    `after the other, but each was written once.`;
  return violation('valueCameBack', [before, between, after], capitalized(why));
}

function explainContradiction(a: Reign, b: Reign): Violation {
  const why =
    `The first ended before the second began, so ${quote(a)} was overwritten by ${quote(b)}. The ` +
    `third ended before the fourth began, so ${quote(b)} was overwritten by ${quote(a)}. Each ` +
    `was written once.`;
  const operations = [firstToEnd(a), lastToBegin(b), firstToEnd(b), lastToBegin(a)];
  return violation('contradictoryOrders', operations, why);
}

/** And of each write without an answer a read that shows that it took effect. */
export function withEvidence(named: readonly Operation[], readsOf: ReadsOf): Operation[] {
  const all = new Set(named);
  for (const operation of all) {
    const { kind, value } = operation;
    if (kind === 'read' || operation.return !== null) continue;
    // What is added is visited as well.
    const reads = readsOf.get(value) ?? [];
    const answered = reads.filter((read) => read.return !== null);
    if (answered.some((read) => all.has(read))) continue;
    for (const read of [...answered, ...reads].slice(0, 1)) all.add(read);
  }
  return [...all];
}

export function violation(kind: ViolationKind, operations: readonly Operation[], why: string): Violation {
  const { sector } = operations[0];
  const list = operations.map((operation, index) => `  ${index + 1}. ${describeOperation(operation)}`);
  const text = [`sector ${sector}: no order of these operations exists (${kind}):`, ...list, why];
  return { sector, kind, operations, text: text.join('\n') };
}

function operationsOf({ write, reads }: Reign): Operation[] {
  return write === null ? [...reads] : [write, ...reads];
}

export const firstToEnd = (reign: Reign): Operation =>
  expectFound(operationsOf(reign).find((one) => latestEffect(one) === reign.earliestEnd));

export const lastToBegin = (reign: Reign): Operation =>
  expectFound(operationsOf(reign).find((one) => one.invoke === reign.latestBeginning));

/** The earliest beginning among those that match. */
function first(operations: readonly Operation[], matches: (operation: Operation) => boolean): Operation | undefined {
  let found: Operation | undefined;
  for (const operation of operations) {
    if (matches(operation) && (found === undefined || operation.invoke < found.invoke)) {
      found = operation;
    }
  }
  return found;
}

function expectFound(operation: Operation | undefined): Operation {
  if (operation === undefined) throw new Error('the checker found a clash but not its operations');
  return operation;
}

const quote = ({ value }: Reign): string => describeValue(value);

const capitalized = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
