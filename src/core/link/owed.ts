/**
 * What a process owes one peer: the memory of a stubborn link (Cachin, Guerraoui, Rodrigues,
 * 2.4.3: a message is sent again and again; here until it is retired).
 *
 * Three kinds of debt, since they end differently:
 * - a *question* (READ_PROC, WRITE_PROC of an operation of ours) is owed until its operation has
 *   the peer's answer or needs none any more. Questions are bounded by the operations under way,
 *   however long the peer is down.
 * - a *reply* (VALUE, ACK) is sent once: a peer that did not get it asks again. While the
 *   connection is being made the newest few wait for it.
 * - a *receipted reply*: a peer that has shown that it sends receipts stops asking once it has our
 *   receipt, so what we reply to it is owed until its own receipt has come.
 *
 * No I/O and no clock: time comes in as a number of milliseconds. A mutable record behind
 * functions, not a value that is copied: there may be thousands of entries, and one changes with
 * each message.
 */
import type { OperationId } from '../operation.js';

export interface OwedLimits {
  /** A message not retired is sent again after this; then after twice as long, and so on … */
  readonly retransmitMs: number;
  /** … up to this. */
  readonly retransmitMsMax: number;
  /** Replies kept while there is no connection, or until receipted; the oldest go first. */
  readonly repliesMax: number;
}

/** `M`: what a message is, to those who send it. */
interface Debt<M> {
  readonly kind: 'question' | 'reply';
  /** In the map of its kind. */
  readonly key: string;
  readonly message: M;
  dueMs: number;
  intervalMs: number;
}

export interface Owed<M> {
  readonly limits: OwedLimits;
  readonly questions: Map<OperationId, Debt<M>>;
  /** By kind and id: the peer may be owed a VALUE and an ACK of the same operation. */
  readonly replies: Map<string, Debt<M>>;
  /** Those of both that have not been sent on the connection that stands now, oldest first. */
  readonly unsent: Set<Debt<M>>;
  /** Whether the peer has ever sent a receipt. */
  sendsReceipts: boolean;
  droppedReplyCount: number;
}

export function nothingOwed<M>(limits: OwedLimits): Owed<M> {
  return {
    limits,
    questions: new Map(),
    replies: new Map(),
    unsent: new Set(),
    sendsReceipts: false,
    droppedReplyCount: 0,
  };
}

/** Owes a question; one that the same operation asked before is forgotten. */
export function oweQuestion<M>(owed: Owed<M>, id: OperationId, message: M): void {
  owe(owed, owed.questions, newDebt(owed, 'question', id, message));
}

export function retireQuestion(owed: Owed<unknown>, id: OperationId): void {
  settle(owed, owed.questions, id);
}

/** Whether a reply that is handed over now needs no memory: nothing waits, no receipt will come. */
export function isSettledBySending(owed: Owed<unknown>): boolean {
  return owed.unsent.size === 0 && !owed.sendsReceipts;
}

/** Owes a reply until it has been sent, or receipted if the peer sends receipts. */
export function oweReply<M>(owed: Owed<M>, key: string, message: M): void {
  owe(owed, owed.replies, newDebt(owed, 'reply', key, message));
  if (owed.replies.size <= owed.limits.repliesMax) return;
  for (const oldest of owed.replies.keys()) {
    settleReply(owed, oldest);
    owed.droppedReplyCount += 1;
    break;
  }
}

/** The peer will never confirm anything: what it was sent it has, or asks for again. */
export function expectNoReceipts(owed: Owed<unknown>): void {
  if (!owed.sendsReceipts) return;
  owed.sendsReceipts = false;
  owed.replies.clear();
  for (const debt of owed.unsent) if (debt.kind === 'reply') owed.unsent.delete(debt);
}

/** The peer has the reply. */
export function settleReply(owed: Owed<unknown>, key: string): void {
  settle(owed, owed.replies, key);
}

/** The connection is a new one: nothing is known of what was sent on the one before. */
export function forgetSent(owed: Owed<unknown>): void {
  owed.unsent.clear();
  for (const debts of [owed.questions, owed.replies]) {
    for (const debt of debts.values()) owed.unsent.add(debt);
  }
}

/**
 * Hands over what has not been sent on this connection, oldest first, as long as `send` takes it.
 * @param send returns false when the connection takes no more for now; then nothing more is tried.
 */
export function sendUnsent<M>(owed: Owed<M>, nowMs: number, send: (message: M) => boolean): void {
  for (const debt of owed.unsent) {
    if (!send(debt.message)) return;
    debt.dueMs = nowMs + debt.intervalMs;
    owed.unsent.delete(debt);
    if (debt.kind === 'reply' && !owed.sendsReceipts) owed.replies.delete(debt.key);
  }
}

/** Hands over again what is due and was not retired. */
export function sendDue<M>(owed: Owed<M>, nowMs: number, send: (message: M) => boolean): void {
  for (const debts of [owed.questions, owed.replies]) {
    for (const debt of debts.values()) {
      if (debt.dueMs > nowMs || owed.unsent.has(debt)) continue;
      if (!send(debt.message)) return;
      debt.intervalMs = Math.min(debt.intervalMs * 2, owed.limits.retransmitMsMax);
      debt.dueMs = nowMs + debt.intervalMs;
    }
  }
}

/** Whether there is nothing that `sendDue` may have to send some day. */
export function isSettled(owed: Owed<unknown>): boolean {
  return owed.questions.size === 0 && owed.replies.size === 0;
}

function newDebt<M>(owed: Owed<M>, kind: Debt<M>['kind'], key: string, message: M): Debt<M> {
  return { kind, key, message, dueMs: 0, intervalMs: owed.limits.retransmitMs };
}

function owe<M>(owed: Owed<M>, debts: Map<string, Debt<M>>, debt: Debt<M>): void {
  settle(owed, debts, debt.key);
  debts.set(debt.key, debt);
  owed.unsent.add(debt);
}

function settle<M>(owed: Owed<M>, debts: Map<string, Debt<M>>, key: string): void {
  const debt = debts.get(key);
  if (debt === undefined) return;
  owed.unsent.delete(debt);
  debts.delete(key);
}
