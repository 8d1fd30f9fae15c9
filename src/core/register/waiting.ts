/**
 * The operations that wait for a register: an immutable queue, first in, first out. Thousands may wait for one sector.
 * So it consists of two lists (Okasaki, *Purely Functional Data Structures*, 5.2): enqueueing and dequeueing take
 * constant amortized time.
 */
import type { OperationId } from '../operation.js';
import type { ClientOperation } from './clientOperation.js';

type List = { readonly operation: ClientOperation; readonly rest: List } | null;

export interface Waiting {
  readonly count: number;
  /** Oldest first. */
  readonly front: List;
  /** Newest first; older than none of `front`. */
  readonly back: List;
}

export const NOBODY_WAITS: Waiting = { count: 0, front: null, back: null };

export function enqueue({ count, front, back }: Waiting, operation: ClientOperation): Waiting {
  return { count: count + 1, front, back: { operation, rest: back } };
}

/** The operation that has waited longest, and the rest of the queue; null if the queue is empty. */
export function dequeue(waiting: Waiting): { first: ClientOperation; rest: Waiting } | null {
  const front = waiting.front ?? reversed(waiting.back);
  if (front === null) return null;
  const back = waiting.front === null ? null : waiting.back;
  return {
    first: front.operation,
    rest: { count: waiting.count - 1, front: front.rest, back },
  };
}

/** The queue without that operation; the same object if the operation is not in it. */
export function withdraw(waiting: Waiting, id: OperationId): Waiting {
  const all = inOrder(waiting);
  const left = all.filter((operation) => operation.id !== id);
  if (left.length === all.length) return waiting;
  return left.reduce(enqueue, NOBODY_WAITS);
}

/** Oldest first. */
export function inOrder({ front, back }: Waiting): ClientOperation[] {
  return [...members(front), ...members(reversed(back))];
}

function members(list: List): ClientOperation[] {
  const operations: ClientOperation[] = [];
  for (let at = list; at !== null; at = at.rest) operations.push(at.operation);
  return operations;
}

function reversed(list: List): List {
  let result: List = null;
  for (let at = list; at !== null; at = at.rest) result = { operation: at.operation, rest: result };
  return result;
}
