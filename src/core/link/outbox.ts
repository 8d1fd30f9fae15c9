/**
 * The messages for one peer that are unacknowledged or were not sent yet: the memory of a stubborn link (Cachin,
 * Guerraoui, Rodrigues, 2.4.3: a message is sent again and again; here until it is retired).
 *
 * There are three kinds of entry, because they end differently:
 * - a *question* (READ_PROC, WRITE_PROC of an own operation) stays until its operation has the peer's answer or needs
 *   none any more. The operations under way bound the number of questions, however long the peer is down.
 * - a *reply* (VALUE, ACK) is sent once: a peer that did not get it asks again. While there is no connection, the
 *   newest few are kept.
 * - a *receipted reply*: a peer that is known to send receipts stops asking once it has a receipt of its question. So a
 *   reply to it stays until the peer's receipt has come.
 *
 * No I/O and no clock: time is an argument in milliseconds. A mutable record behind functions, because there may be
 * thousands of entries and one changes with each message.
 */
import type { OperationId } from '../operation.js';

export interface OutboxLimits {
  /** The first pause before an unacknowledged message is sent again. Each later pause is twice as long … */
  readonly retransmitMs: number;
  /** … up to this one. */
  readonly retransmitMsMax: number;
  /** The most replies that are kept. Beyond that the oldest is dropped. */
  readonly repliesMax: number;
}

/** `M`: the type of a message for the sender. */
interface OutboxEntry<M> {
  readonly kind: 'question' | 'reply';
  /** The key in the map of its kind. */
  readonly key: string;
  readonly message: M;
  dueMs: number;
  intervalMs: number;
}

export interface Outbox<M> {
  readonly limits: OutboxLimits;
  readonly questions: Map<OperationId, OutboxEntry<M>>;
  /** The key has the kind and the id, because a VALUE and an ACK of the same operation may both be here. */
  readonly replies: Map<string, OutboxEntry<M>>;
  /** The entries of both that were not sent over the present connection yet, oldest first. */
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

/** Adds a question. It replaces an earlier question of the same operation. */
export function addQuestion<M>(outbox: Outbox<M>, id: OperationId, message: M): void {
  add(outbox, outbox.questions, newEntry(outbox, 'question', id, message));
}

export function retireQuestion(outbox: Outbox<unknown>, id: OperationId): void {
  acknowledge(outbox, outbox.questions, id);
}

/** Whether a reply that is sent now need not be kept, because nothing waits before it and no receipt will come. */
export function isDoneBySending(outbox: Outbox<unknown>): boolean {
  return outbox.unsent.size === 0 && !outbox.sendsReceipts;
}

/** Adds a reply. It stays until it has been sent or, if the peer sends receipts, until its receipt has come. */
export function addReply<M>(outbox: Outbox<M>, key: string, message: M): void {
  add(outbox, outbox.replies, newEntry(outbox, 'reply', key, message));
  if (outbox.replies.size <= outbox.limits.repliesMax) return;
  for (const oldest of outbox.replies.keys()) {
    acknowledgeReply(outbox, oldest);
    break;
  }
}

/** The peer sends no receipts: it has what was sent, or asks again. All replies are dropped. */
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

/** The connection is a new one: all entries count as unsent, because those sent over the old one may be lost. */
export function forgetSent(outbox: Outbox<unknown>): void {
  outbox.unsent.clear();
  for (const entries of [outbox.questions, outbox.replies]) {
    for (const entry of entries.values()) outbox.unsent.add(entry);
  }
}

/**
 * Sends what was not sent over this connection yet, oldest first.
 * @param send Returns false if the connection takes no more for now. Then no more is tried.
 */
export function sendUnsent<M>(outbox: Outbox<M>, nowMs: number, send: (message: M) => boolean): void {
  for (const entry of outbox.unsent) {
    if (!send(entry.message)) return;
    entry.dueMs = nowMs + entry.intervalMs;
    outbox.unsent.delete(entry);
    if (entry.kind === 'reply' && !outbox.sendsReceipts) outbox.replies.delete(entry.key);
  }
}

/** Sends again what is due and was not retired. */
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

/** Whether the outbox is empty, so that `sendDue` will have nothing to send. */
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
