/**
 * From outcomes of registers to bytes: messages to peers over stubborn links, responses to clients,
 * receipts to peers that send receipts.
 */
import { unreachable } from '../../src/core/assert.js';
import type { Ledger } from '../../src/core/ledger.js';
import { endOperation } from '../../src/core/ledger.js';
import type { Receipt, RegisterMessage, RegisterMessageKind } from '../../src/core/message.js';
import type { OperationId } from '../../src/core/operation.js';
import type { Rank } from '../../src/core/rank.js';
import type { RegisterEffect } from '../../src/core/register/effect.js';
import type { SectorData, SectorIndex } from '../../src/core/sector.js';
import {
  serializeProcessMessage,
  serializeReceipt,
  serializeResponse,
} from '../../src/wire/serialize.js';
import type { Tagger } from '../../src/wire/tag.js';
import type { SectorOutcome } from '../reduceRegisters.js';
import type { LinkCommand } from '../stubbornLink.js';
import type { Outgoing } from '../writeTogether.js';
import type { Origin, ReceiptDue, Session, SessionLimits } from './session.js';
import { regulate } from './session.js';

/** A command to the link of one peer, or of all. */
export interface AddressedCommand {
  readonly to: Rank | 'all';
  readonly command: LinkCommand;
}

export type Outbound =
  | { readonly kind: 'link'; readonly addressed: AddressedCommand }
  | { readonly kind: 'send'; readonly outgoing: Outgoing };

export interface OutboundOptions {
  readonly self: Rank;
  readonly clientTagger: Tagger;
  readonly systemTagger: Tagger;
  readonly ledger: Ledger<Session>;
  readonly limits: SessionLimits;
  readonly receipts: ReceiptBook;
}

/** Bytes and addressees for all that came of one event, in the order of its effects. */
export function dispatch(
  outcome: SectorOutcome<Origin | null>,
  options: OutboundOptions,
): Outbound[] {
  const { origin, sector } = outcome.cause;
  const outbound: Outbound[] = [];
  if (outcome.kind === 'done') {
    for (const effect of outcome.effects) dispatchEffect(effect, sector, options, outbound);
  }
  if (origin !== null && origin.receipt !== null) {
    const { session, receipt } = origin;
    session.handlingCount -= 1;
    if (outcome.kind === 'done') confirm(session, receipt, options, outbound);
    regulateInto(outbound, session, options);
  }
  return outbound;
}

function regulateInto(outbound: Outbound[], session: Session, options: OutboundOptions): void {
  for (const outgoing of regulate(session, options.ledger, options.limits)) {
    outbound.push({ kind: 'send', outgoing });
  }
}

function dispatchEffect(
  effect: RegisterEffect,
  sector: SectorIndex,
  options: OutboundOptions,
  outbound: Outbound[],
): void {
  switch (effect.kind) {
    case 'store':
      return;
    case 'broadcast': {
      const { message } = effect;
      const bytes = toBytes(message, sector, options);
      outbound.push(toLink('all', { kind: 'question', id: message.id, bytes }));
      return;
    }
    case 'reply': {
      const { to, message } = effect;
      const key = replyKey(message.kind, message.id);
      outbound.push(toLink(to, { kind: 'reply', key, bytes: toBytes(message, sector, options) }));
      return;
    }
    case 'retire':
      outbound.push(toLink(effect.rank, { kind: 'retire', id: effect.id }));
      return;
    case 'retireAll':
      outbound.push(toLink('all', { kind: 'retire', id: effect.id }));
      return;
    case 'complete':
      respond(effect.id, effect.data, options, outbound);
      return;
    case 'dropped':
      regulateInto(outbound, endOperation(options.ledger, effect.id).session, options);
      return;
    default:
      unreachable(effect);
  }
}

function toLink(to: Rank | 'all', command: LinkCommand): Outbound {
  return { kind: 'link', addressed: { to, command } };
}

function toBytes(
  content: RegisterMessage,
  sector: SectorIndex,
  { self, systemTagger }: OutboundOptions,
): Uint8Array {
  return serializeProcessMessage({ sender: self, sector, content }, systemTagger);
}

function respond(
  id: OperationId,
  data: SectorData | null,
  options: OutboundOptions,
  outbound: Outbound[],
): void {
  const { session, request, requestNumber } = endOperation(options.ledger, id);
  const response = { request, status: 'ok', requestNumber, data } as const;
  const bytes = serializeResponse(response, options.clientTagger);
  outbound.push({ kind: 'send', outgoing: { connection: session.connection, bytes } });
  regulateInto(outbound, session, options);
}

/** Names a reply of ours; the receipt for it carries the same two things. */
export function replyKey(kind: RegisterMessageKind, id: OperationId): string {
  return `${kind} ${id}`;
}

/** How many of a peer's first messages are remembered in case it turns out to send receipts. */
const UNCONFIRMED_MAX = 64;

/**
 * Which peers send receipts (docs/wire-protocol.md): only those get them. A peer that does may wait
 * for ours with its very first message, before we can know; so its first few are remembered and
 * confirmed when it shows itself.
 */
export interface ReceiptBook {
  readonly senders: Set<Rank>;
  readonly unconfirmed: Map<Rank, { readonly session: Session; readonly due: ReceiptDue }[]>;
}

export function newReceiptBook(): ReceiptBook {
  return { senders: new Set(), unconfirmed: new Map() };
}

function confirm(
  session: Session,
  due: ReceiptDue,
  options: OutboundOptions,
  outbound: Outbound[],
): void {
  const { senders, unconfirmed } = options.receipts;
  if (senders.has(due.peer)) {
    outbound.push(receiptTo(session, due, options));
    return;
  }
  const waiting = unconfirmed.get(due.peer);
  if (waiting === undefined) unconfirmed.set(due.peer, [{ session, due }]);
  else if (waiting.length < UNCONFIRMED_MAX) waiting.push({ session, due });
}

/** A receipt has come: its sender is one that wants them, and has the reply that it names. */
export function takeReceipt(receipt: Receipt, options: OutboundOptions): Outbound[] {
  const { sender, receiptFor, id } = receipt;
  const { senders, unconfirmed } = options.receipts;
  const outbound = [toLink(sender, { kind: 'receipt', key: replyKey(receiptFor, id) })];
  if (senders.has(sender)) return outbound;
  senders.add(sender);
  for (const { session, due } of unconfirmed.get(sender) ?? []) {
    outbound.push(receiptTo(session, due, options));
  }
  unconfirmed.delete(sender);
  return outbound;
}

function receiptTo(session: Session, due: ReceiptDue, options: OutboundOptions): Outbound {
  const { receiptFor, id } = due;
  const bytes = serializeReceipt({ sender: options.self, receiptFor, id }, options.systemTagger);
  return { kind: 'send', outgoing: { connection: session.connection, bytes } };
}
