/**
 * From outcomes of registers to what is sent: messages to peers over stubborn links, responses to clients, and receipts
 * to those peers that send receipts themselves.
 */
import { unreachable } from '../../src/core/assert.js';
import type { Ledger } from '../../src/core/ledger.js';
import { endOperation } from '../../src/core/ledger.js';
import type { Receipt, RegisterMessage } from '../../src/core/message.js';
import type { Rank } from '../../src/core/rank.js';
import type { RegisterEffect } from '../../src/core/register/effect.js';
import type { MissedLog } from '../../src/core/repair/missedLog.js';
import { noteLateAck, noteWritten } from '../../src/core/repair/missedLog.js';
import type { SectorIndex } from '../../src/core/sector.js';
import type { Random } from '../../src/ports/random.js';
import { OutgoingMessage } from '../../src/wire/outgoingMessage.js';
import { serializeReceipt, serializeResponse } from '../../src/wire/serialize.js';
import type { Tagger } from '../../src/wire/tag.js';
import type { SectorOutcome } from '../reduceRegisters.js';
import type { LinkCommand } from '../stubbornLink.js';
import type { Outgoing } from '../writeTogether.js';
import type { ProcessPipelineOptions } from './processOptions.js';
import type { ReceiptBook, PendingReceipt } from './receipts.js';
import * as receipts from './receipts.js';
import type { Origin, ReceiptDue, Session } from './session.js';
import { messageKey } from './session.js';

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
  readonly receipts: ReceiptBook;
  readonly missed: MissedLog;
  readonly random: Random;
}

export function outboundOptions(options: ProcessPipelineOptions, random: Random): OutboundOptions {
  const { self, verdict, state, limits } = options;
  const { clientTagger, systemTagger } = verdict;
  const { ledger, missed } = state;
  return {
    self: self.rank,
    clientTagger,
    systemTagger,
    ledger,
    receipts: receipts.newReceiptBook(limits.linkReplies),
    missed,
    random,
  };
}

/** @returns the messages to be sent because of one event, in the order of its effects. */
export function dispatch(outcome: SectorOutcome<Origin | null>, options: OutboundOptions): Outbound[] {
  const { origin, sector, event } = outcome.cause;
  if (event.kind === 'message' && event.message.kind === 'ack' && outcome.kind !== 'void') {
    noteLateAck(options.missed, event.from, event.message.id);
  }
  const outbound: Outbound[] = [];
  let isHandled = outcome.kind === 'done';
  if (outcome.kind === 'done') {
    for (const effect of outcome.effects) {
      if (!dispatchEffect(effect, sector, options, outbound)) isHandled = false;
    }
  }
  if (origin !== null && origin.receipt !== null) {
    const { session, receipt } = origin;
    const isStale = outcome.kind === 'done' && outcome.effects.length === 0;
    if (isStale) probeIfNeeded(receipt, sector, options, outbound);
    const { now, isAwaited, superseded } = isHandled
      ? receipts.confirm(options.receipts, session, receipt)
      : receipts.NOT_CONFIRMED;
    if (now !== null) outbound.push(...receiptTo(now, options));
    if (superseded !== null) release(superseded, outbound);
    if (!isAwaited) release({ session, due: receipt }, outbound);
  }
  return outbound;
}

/** The message has been handled: another may take its place. */
function release({ session, due }: PendingReceipt, outbound: Outbound[]): void {
  outbound.push(...session.handled(messageKey(due.receiptFor, due.id)).map(toSend));
}

function probeIfNeeded(due: ReceiptDue, sector: SectorIndex, options: OutboundOptions, outbound: Outbound[]): void {
  const isAnswer = due.receiptFor === 'value' || due.receiptFor === 'ack';
  if (!isAnswer || !receipts.isToBeProbed(options.receipts, due)) return;
  const question = receipts.probe(options.random.operationId());
  const message = toMessage(question, sector, options);
  const key = messageKey(question.kind, question.id);
  outbound.push(toLink(due.peer, { kind: 'reply', key, message }));
}

function toSend(outgoing: Outgoing): Outbound {
  return { kind: 'send', outgoing };
}

/**
 * Appends what is sent because of the effect to `outbound`. @returns false for a reply that may not be sent now: see
 * receipts.ts.
 */
function dispatchEffect(
  effect: RegisterEffect,
  sector: SectorIndex,
  options: OutboundOptions,
  outbound: Outbound[],
): boolean {
  switch (effect.kind) {
    case 'store':
      return true;
    case 'broadcast': {
      // The id is that of the operation: the link drops the question of its earlier phase.
      const { id } = effect.message;
      const message = toMessage(effect.message, sector, options, true);
      outbound.push(toLink('all', { kind: 'question', id, message }));
      return true;
    }
    case 'ask':
    case 'fetch': {
      const { id } = effect.message;
      const message = toMessage(effect.message, sector, options);
      outbound.push(toLink(effect.to, { kind: 'question', id, message }));
      return true;
    }
    case 'reply': {
      const { to } = effect;
      const key = messageKey(effect.message.kind, effect.message.id);
      if (!receipts.noteReply(options.receipts, to, key)) return false;
      const message = toMessage(effect.message, sector, options);
      outbound.push(toLink(to, { kind: 'reply', key, message }));
      return true;
    }
    case 'retire':
      outbound.push(toLink(effect.rank, { kind: 'retire', id: effect.id }));
      return true;
    case 'retireAll':
      outbound.push(toLink('all', { kind: 'retire', id: effect.id }));
      return true;
    case 'complete':
      respond(effect, sector, options, outbound);
      return true;
    case 'dropped':
      outbound.push(...endOperation(options.ledger, effect.id).session.answered().map(toSend));
      return true;
    default:
      return unreachable(effect);
  }
}

function toLink(to: Rank | 'all', command: LinkCommand): Outbound {
  return { kind: 'link', addressed: { to, command } };
}

function toMessage(
  content: RegisterMessage,
  sector: SectorIndex,
  { self, systemTagger }: OutboundOptions,
  isBroadcast = false,
): OutgoingMessage {
  return new OutgoingMessage({ sender: self, sector, content }, isBroadcast, systemTagger);
}

function respond(
  { id, data, ranks }: Extract<RegisterEffect, { kind: 'complete' }>,
  sector: SectorIndex,
  options: OutboundOptions,
  outbound: Outbound[],
): void {
  const { session, request, requestNumber } = endOperation(options.ledger, id);
  if (request === 'write') noteWritten(options.missed, id, sector, ranks);
  const response = { request, status: 'ok', requestNumber, data } as const;
  const bytes = serializeResponse(response, options.clientTagger);
  outbound.push({ kind: 'send', outgoing: { connection: session.connection, content: bytes } });
  outbound.push(...session.answered().map(toSend));
}

/** A receipt has come: see receipts.ts. */
export function takeReceipt(receipt: Receipt, options: OutboundOptions): Outbound[] {
  const key = messageKey(receipt.receiptFor, receipt.id);
  const acknowledged = toLink(receipt.sender, { kind: 'receipt', key });
  const outbound = [acknowledged];
  for (const due of receipts.takeReceipt(options.receipts, receipt)) {
    outbound.push(...receiptTo(due, options));
    release(due, outbound);
  }
  return outbound;
}

/** A peer of this implementation has made a new connection: see receipts.ts. */
export function welcome(peer: Rank, options: OutboundOptions): Outbound[] {
  // Answers that it gave before its HELLO was proven were not taken in.
  const outbound = [toLink(peer, { kind: 'noReceipts' }), toLink(peer, { kind: 'again' })];
  for (const due of receipts.forgetPeer(options.receipts, peer)) {
    release(due, outbound);
  }
  return outbound;
}

/** Empty for messages of the extension: the peers that send them want no receipts. */
function receiptTo({ session, due }: PendingReceipt, options: OutboundOptions): Outbound[] {
  const { receiptFor, id } = due;
  if (receiptFor === 'readStamp' || receiptFor === 'stamp') return [];
  const content = serializeReceipt({ sender: options.self, receiptFor, id }, options.systemTagger);
  return [{ kind: 'send', outgoing: { connection: session.connection, content } }];
}
