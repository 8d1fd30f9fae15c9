/**
 * Receipts (docs/wire-protocol.md, docs/adr/0005-links.md): which peers send them, which replies wait for a receipt of
 * a peer, and which messages of a peer have to be confirmed.
 *
 * A peer that gets our receipt stops repeating its message. So a receipt for a question leaves only when our answer has
 * arrived, that is when the peer's receipt for the answer is here. Then nothing is lost if this process dies and
 * forgets which questions it has not answered. The answers without a receipt are on record. The record is bounded: a
 * question whose answer finds no place there is not answered, and comes again. (A question that is never answered,
 * because the copy here is damaged, is confirmed: a peer may ask nothing else before.)
 *
 * A peer may want a receipt for its very first message, before this process can know that it wants receipts. Its first
 * few messages are remembered, and confirmed when its first receipt comes.
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

interface PeerReceipts {
  sendsReceipts: boolean;
  /** Keys of the replies whose receipt has not come yet, if the peer sends receipts. */
  readonly unreceipted: Set<string>;
  /** By the key of a reply: the question that is confirmed when the receipt for that reply is here. */
  readonly awaited: Map<string, PendingReceipt>;
  /** Its first messages, as long as it has sent no receipt. */
  unconfirmed: PendingReceipt[];
  /** The key of its last answer that no operation here had asked for. */
  lastStale: string | null;
  wasProbed: boolean;
}

export interface ReceiptBook {
  /** The largest number of replies on record for one peer. */
  readonly repliesMax: number;
  readonly peers: Map<Rank, PeerReceipts>;
}

/** How many of a peer's first messages are remembered. */
const UNCONFIRMED_MAX = 64;

export function newReceiptBook(repliesMax: number): ReceiptBook {
  return { repliesMax, peers: new Map() };
}

function recordOf(book: ReceiptBook, peer: Rank): PeerReceipts {
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
 * Forgets a peer that has become one of the own implementation, which sends no receipts: the receipts that were waited
 * for never come. @returns the messages that wait for them.
 */
export function forgetPeer(book: ReceiptBook, peer: Rank): PendingReceipt[] {
  const awaited = [...(book.peers.get(peer)?.awaited.values() ?? [])];
  book.peers.delete(peer);
  return awaited;
}

/** @returns whether this reply may be sent: there is a place on record for it, or it needs none. */
export function noteReply(book: ReceiptBook, to: Rank, key: string): boolean {
  const record = recordOf(book, to);
  if (!record.sendsReceipts || record.unreceipted.has(key)) return true;
  if (record.unreceipted.size >= book.repliesMax) return false;
  record.unreceipted.add(key);
  return true;
}

/** The result of `confirm` for a message that was handled. */
export interface Confirmation {
  /** The receipt that is to be sent now. */
  readonly now: PendingReceipt | null;
  /** Whether it will be sent over this connection later: the message keeps its place there. */
  readonly isAwaited: boolean;
  /** The same question as it came over another connection before: it need not be confirmed there any more. */
  readonly superseded: PendingReceipt | null;
}

export const NOT_CONFIRMED: Confirmation = { now: null, isAwaited: false, superseded: null };

/** A message was handled, and answered if it is a question. */
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

/** The key of the reply to a message; null if the message is itself an answer. */
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
 * A receipt has come: its sender wants receipts, and has the reply that this one names. @returns the messages that are
 * confirmed because of it. Remembered questions whose answer may have been lost are not among them: they come again.
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
 * Whether the sender of the receipt needs no reply to that message any more. That is so for an answer, for the question
 * whose answer the receipt names, and for the question of an earlier phase of the same operation. A receipt for our
 * VALUE says nothing about our ACK.
 */
function isSettledBy(due: ReceiptDue, { receiptFor, id }: Receipt): boolean {
  const reply = replyTo(due);
  if (reply === null || reply === messageKey(receiptFor, id)) return true;
  return due.receiptFor === 'readProc' && receiptFor === 'ack' && due.id === id;
}

/**
 * An answer came that no operation here had asked for. Once, that is normal. If the same one comes again, the peer
 * waits for a receipt from an earlier boot of this process, and may send nothing else until it has got it. Only its own
 * receipts can show that it wants receipts, so it has to be asked something. @returns whether to ask now; true once.
 */
export function isToBeProbed(book: ReceiptBook, due: ReceiptDue): boolean {
  const record = recordOf(book, due.peer);
  if (record.sendsReceipts || record.wasProbed) return false;
  const key = messageKey(due.receiptFor, due.id);
  record.wasProbed = record.lastStale === key;
  record.lastStale = key;
  return record.wasProbed;
}

/** A question of an operation that does not exist. The peer's answer to it is ignored; the peer's receipt is not. */
export function probe(id: OperationId) {
  return { kind: 'readProc', id } as const;
}
