/**
 * Receipts (docs/wire-protocol.md, docs/adr/0005-links.md): which peers send them, what they have not given a receipt
 * for, and what they have to be given one for.
 *
 * A peer that gets our receipt stops repeating its message. So a receipt for a question leaves only when our answer has
 * arrived: when the peer's receipt for it is here. Then it does not matter that we may die, and with us the memory of
 * what we have not answered. The answers without a receipt are on record, which is bounded; what finds no place in it
 * is not answered, and comes again. (A question that we never answer, since our copy is damaged, is confirmed: a peer
 * may ask nothing else before.)
 *
 * A peer may wait for a receipt with its very first message, before anybody can know that it wants one. Its first few
 * messages are remembered, and confirmed when it shows itself.
 */
import { unreachable } from '../../src/core/assert.js';
import type { Receipt } from '../../src/core/message.js';
import type { OperationId } from '../../src/core/operation.js';
import type { Rank } from '../../src/core/rank.js';
import type { ReceiptDue, Session } from './session.js';
import { messageKey } from './session.js';

/** A receipt that is to be sent. */
export interface PendingReceipt {
  readonly session: Session;
  readonly due: ReceiptDue;
}

interface PeerState {
  sendsReceipts: boolean;
  /** Replies of ours that its receipt has not come for, if it sends receipts. */
  readonly unreceipted: Set<string>;
  /** By reply: the question that is confirmed when the receipt for that reply is here. */
  readonly awaited: Map<string, PendingReceipt>;
  /** Its first messages, as long as it has not shown itself. */
  unconfirmed: PendingReceipt[];
  /** Its last answer that nothing here had asked for. */
  lastStale: string | null;
  wasProbed: boolean;
}

export interface ReceiptBook {
  /** Most replies on record for one peer. */
  readonly repliesMax: number;
  readonly peers: Map<Rank, PeerState>;
}

/** How many of a peer's first messages are remembered. */
const UNCONFIRMED_MAX = 64;

export function newReceiptBook(repliesMax: number): ReceiptBook {
  return { repliesMax, peers: new Map() };
}

function recordOf(book: ReceiptBook, peer: Rank): PeerState {
  let record = book.peers.get(peer);
  if (record === undefined) {
    record = {
      sendsReceipts: false,
      unreceipted: new Set(),
      awaited: new Map(),
      unconfirmed: [],
      lastStale: null,
      wasProbed: false,
    };
    book.peers.set(peer, record);
  }
  return record;
}

/**
 * The peer has become one of this implementation, which sends no receipts: what its predecessor was to confirm, nobody
 * ever will. @returns what waits for that.
 */
export function forgetPeer(book: ReceiptBook, peer: Rank): PendingReceipt[] {
  const awaited = [...(book.peers.get(peer)?.awaited.values() ?? [])];
  book.peers.delete(peer);
  return awaited;
}

/** Whether this reply may be sent: there is a place on record for it, or it needs none. */
export function noteReply(book: ReceiptBook, to: Rank, key: string): boolean {
  const record = recordOf(book, to);
  if (!record.sendsReceipts || record.unreceipted.has(key)) return true;
  if (record.unreceipted.size >= book.repliesMax) return false;
  record.unreceipted.add(key);
  return true;
}

/** What becomes of the receipt for a message that was handled. */
export interface Confirmation {
  /** To be sent. */
  readonly now: PendingReceipt | null;
  /** Will be sent over this connection later: the message keeps its place there. */
  readonly isAwaited: boolean;
  /** The same question came by another connection before: that one has nothing to wait for now. */
  readonly superseded: PendingReceipt | null;
}

export const NOT_CONFIRMED: Confirmation = { now: null, isAwaited: false, superseded: null };

/** A message was handled, and answered if that is how it is handled. */
export function confirm(book: ReceiptBook, session: Session, due: ReceiptDue): Confirmation {
  const record = recordOf(book, due.peer);
  const pending = { session, due };
  if (record.sendsReceipts) {
    const reply = replyTo(due);
    if (reply === null || !record.unreceipted.has(reply)) return { ...NOT_CONFIRMED, now: pending };
    const superseded = record.awaited.get(reply) ?? null;
    record.awaited.set(reply, pending);
    return { now: null, isAwaited: true, superseded };
  }
  if (record.unconfirmed.length < UNCONFIRMED_MAX) record.unconfirmed.push(pending);
  return NOT_CONFIRMED;
}

/** What a message is answered with, as `messageKey` calls it; null for an answer. */
function replyTo({ receiptFor, id }: ReceiptDue): string | null {
  switch (receiptFor) {
    case 'readProc':
      return messageKey('value', id);
    case 'readStamp':
      return messageKey('stamp', id);
    case 'writeProc':
      return messageKey('ack', id);
    case 'value':
    case 'stamp':
    case 'ack':
      return null;
    default:
      return unreachable(receiptFor);
  }
}

/**
 * A receipt has come: its sender is one that wants them, and has the reply that it names. Of what is remembered,
 * questions whose answer may have been lost are not confirmed: they come again.
 */
export function takeReceipt(book: ReceiptBook, receipt: Receipt): PendingReceipt[] {
  const record = recordOf(book, receipt.sender);
  const reply = messageKey(receipt.receiptFor, receipt.id);
  record.unreceipted.delete(reply);
  if (record.sendsReceipts) {
    const question = record.awaited.get(reply);
    record.awaited.delete(reply);
    return question === undefined ? [] : [question];
  }
  record.sendsReceipts = true;
  const { unconfirmed } = record;
  record.unconfirmed = [];
  return unconfirmed.filter(({ due }) => isSettledBy(due, receipt));
}

/**
 * Whether the sender of the receipt needs nothing of ours for that message any more: it is an answer, or the question
 * that it names the answer to, or one of an earlier phase of the same operation. That it has our VALUE says nothing of
 * our ACK.
 */
function isSettledBy(due: ReceiptDue, { receiptFor, id }: Receipt): boolean {
  const reply = replyTo(due);
  if (reply === null || reply === messageKey(receiptFor, id)) return true;
  return due.receiptFor === 'readProc' && receiptFor === 'ack' && due.id === id;
}

/**
 * An answer came that nothing here had asked for: that happens. The same one again: the peer waits for a receipt of a
 * process that this one was before it crashed, and may send nothing else until it has got it. Whether it wants receipts
 * only its receipts can show, so it has to be asked something. @returns whether to, once.
 */
export function isToBeProbed(book: ReceiptBook, due: ReceiptDue): boolean {
  const record = recordOf(book, due.peer);
  if (record.sendsReceipts || record.wasProbed) return false;
  const key = messageKey(due.receiptFor, due.id);
  record.wasProbed = record.lastStale === key;
  record.lastStale = key;
  return record.wasProbed;
}

/** A question of an operation that does not exist: its answer is ignored, its receipt is not. */
export function probe(id: OperationId) {
  return { kind: 'readProc', id } as const;
}
