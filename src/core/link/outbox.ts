/**
 * What a process owes one peer: the memory of a stubborn link (Cachin, Guerraoui, Rodrigues, 2.4.3: a message is sent
 * again and again; here until it is retired).
 *
 * Three kinds of entry, since they end differently:
 * - a *question* (READ_PROC, WRITE_PROC of an operation of ours) is outbox until its operation has the peer's answer or
 *   needs none any more. Questions are bounded by the operations under way, however long the peer is down.
 * - a *reply* (VALUE, ACK) is sent once: a peer that did not get it asks again. While the connection is being made the
 *   newest few wait for it.
 * - a *receipted reply*: a peer that has shown that it sends receipts stops asking once it has our receipt, so what we
 *   reply to it is outbox until its own receipt has come.
 *
 * No I/O and no clock: time comes in as a number of milliseconds. A mutable record behind functions, not a value that
 * is copied: there may be thousands of entries, and one changes with each message.
 */
import type { OperationId } from '../operation.js';

export interface OutboxLimits {
  /** A message not retired is sent again after this; then after twice as long, and so on … */
  readonly retransmitMs: number;
  /** … up to this. */
  readonly retransmitMsMax: number;
  /** Replies kept while there is no connection, or until receipted; the oldest go first. */
  readonly repliesMax: number;
}

/** `M`: what a message is, to those who send it. */
interface OutboxEntry<M> {
  readonly kind: 'question' | 'reply';
  /** In the map of its kind. */
  readonly key: string;
  readonly message: M;
  dueMs: number;
  intervalMs: number;
}

export interface Outbox<M> {
  readonly limits: OutboxLimits;
  readonly questions: Map<OperationId, OutboxEntry<M>>;
  /** By kind and id: the peer may be outbox a VALUE and an ACK of the same operation. */
  readonly replies: Map<string, OutboxEntry<M>>;
  /** Those of both that have not been sent on the connection that stands now, oldest first. */
  readonly unsent: Set<OutboxEntry<M>>;
  /** Whether the peer has ever sent a receipt. */
  sendsReceipts: boolean;
}

export function newOutbox<M>(limits: OutboxLimits): Outbox<M> {
  return {
    limits,
    questions: new Map(),
    replies: new Map(),
    unsent: new Set(),
    sendsReceipts: false,
  };
}

/** Owes a question; one that the same operation asked before is forgotten. */
export function addQuestion<M>(outbox: Outbox<M>, id: OperationId, message: M): void {
  add(outbox, outbox.questions, newEntry(outbox, 'question', id, message));
}

export function retireQuestion(outbox: Outbox<unknown>, id: OperationId): void {
  acknowledge(outbox, outbox.questions, id);
}

/** Whether a reply that is handed over now needs no memory: nothing waits, no receipt will come. */
export function isDoneBySending(outbox: Outbox<unknown>): boolean {
  return outbox.unsent.size === 0 && !outbox.sendsReceipts;
}

/** Owes a reply until it has been sent, or receipted if the peer sends receipts. */
export function addReply<M>(outbox: Outbox<M>, key: string, message: M): void {
  add(outbox, outbox.replies, newEntry(outbox, 'reply', key, message));
  if (outbox.replies.size <= outbox.limits.repliesMax) return;
  for (const oldest of outbox.replies.keys()) {
    acknowledgeReply(outbox, oldest);
    break;
  }
}

/** The peer will never confirm anything: what it was sent it has, or asks for again. */
export function expectNoReceipts(outbox: Outbox<unknown>): void {
  if (!outbox.sendsReceipts) return;
  outbox.sendsReceipts = false;
  outbox.replies.clear();
  for (const entry of outbox.unsent) if (entry.kind === 'reply') outbox.unsent.delete(entry);
}

/** The peer has the reply. */
export function acknowledgeReply(outbox: Outbox<unknown>, key: string): void {
  acknowledge(outbox, outbox.replies, key);
}

/** The connection is a new one: nothing is known of what was sent on the one before. */
export function forgetSent(outbox: Outbox<unknown>): void {
  outbox.unsent.clear();
  for (const entries of [outbox.questions, outbox.replies]) {
    for (const entry of entries.values()) outbox.unsent.add(entry);
  }
}

/**
 * Hands over what has not been sent on this connection, oldest first, as long as `send` takes it.
 * @param send returns false when the connection takes no more for now; then nothing more is tried.
 */
export function sendUnsent<M>(outbox: Outbox<M>, nowMs: number, send: (message: M) => boolean): void {
  for (const entry of outbox.unsent) {
    if (!send(entry.message)) return;
    entry.dueMs = nowMs + entry.intervalMs;
    outbox.unsent.delete(entry);
    if (entry.kind === 'reply' && !outbox.sendsReceipts) outbox.replies.delete(entry.key);
  }
}

/** Hands over again what is due and was not retired. */
export function sendDue<M>(outbox: Outbox<M>, nowMs: number, send: (message: M) => boolean): void {
  for (const entries of [outbox.questions, outbox.replies]) {
    for (const entry of entries.values()) {
      if (entry.dueMs > nowMs || outbox.unsent.has(entry)) continue;
      if (!send(entry.message)) return;
      entry.intervalMs = Math.min(entry.intervalMs * 2, outbox.limits.retransmitMsMax);
      entry.dueMs = nowMs + entry.intervalMs;
    }
  }
}

/** Whether there is nothing that `sendDue` may have to send some day. */
export function isEmpty(outbox: Outbox<unknown>): boolean {
  return outbox.questions.size === 0 && outbox.replies.size === 0;
}

function newEntry<M>(outbox: Outbox<M>, kind: OutboxEntry<M>['kind'], key: string, message: M): OutboxEntry<M> {
  return { kind, key, message, dueMs: 0, intervalMs: outbox.limits.retransmitMs };
}

function add<M>(outbox: Outbox<M>, entries: Map<string, OutboxEntry<M>>, entry: OutboxEntry<M>): void {
  acknowledge(outbox, entries, entry.key);
  entries.set(entry.key, entry);
  outbox.unsent.add(entry);
}

function acknowledge<M>(outbox: Outbox<M>, entries: Map<string, OutboxEntry<M>>, key: string): void {
  const entry = entries.get(key);
  if (entry === undefined) return;
  outbox.unsent.delete(entry);
  entries.delete(key);
}
