/**
 * What is to be done about a message that arrived: the rules of docs/wire-protocol.md, "Bad input",
 * in the order in which they apply. Bad input is a value here, never an exception.
 */
import { unreachable } from '../core/assert.js';
import type { ClientRequest, ClientResponse, ProcessMessage, Receipt } from '../core/message.js';
import type { Rank } from '../core/rank.js';
import { isMember } from '../core/rank.js';
import { TIMESTAMP_REFUSED } from '../core/stamp.js';
import type { Tagger } from './tag.js';
import type { Decoded, WireMessage } from './wireMessage.js';

export type DropReason =
  'badTag' | 'unknownSender' | 'invalidSectorIndex' | 'invalidTimestamp' | 'unexpectedFamily';

export type Verdict =
  /** A client's request, authentic and in range. */
  | { readonly kind: 'request'; readonly request: ClientRequest }
  /** A client's request that is answered with an error; nothing else is done. */
  | { readonly kind: 'refused'; readonly response: ClientResponse }
  | { readonly kind: 'processMessage'; readonly message: ProcessMessage }
  | { readonly kind: 'receipt'; readonly receipt: Receipt }
  | { readonly kind: 'dropped'; readonly reason: DropReason };

export interface VerdictOptions {
  readonly self: Rank;
  readonly processCount: number;
  /** Number of sectors of the disk. */
  readonly sectors: number;
  /** Tags of client messages. */
  readonly clientTagger: Tagger;
  /** Tags of process messages and receipts. */
  readonly systemTagger: Tagger;
}

type RequestMessage = Extract<WireMessage, { family: 'request' }>;
type ProcessWireMessage = Extract<WireMessage, { family: 'process' }>;
type ReceiptMessage = Extract<WireMessage, { family: 'receipt' }>;

const DROPPED: Readonly<Record<DropReason, Verdict>> = {
  badTag: { kind: 'dropped', reason: 'badTag' },
  unknownSender: { kind: 'dropped', reason: 'unknownSender' },
  invalidSectorIndex: { kind: 'dropped', reason: 'invalidSectorIndex' },
  invalidTimestamp: { kind: 'dropped', reason: 'invalidTimestamp' },
  unexpectedFamily: { kind: 'dropped', reason: 'unexpectedFamily' },
};

/** Judges one message. Data in an accepted one is a copy: the frame may be let go. */
export function judge({ frame, message }: Decoded, options: VerdictOptions): Verdict {
  switch (message.family) {
    case 'request':
      return judgeRequest(frame, message, options);
    case 'process':
      return judgeProcessMessage(frame, message, options);
    case 'receipt':
      return judgeReceipt(frame, message, options);
    case 'response':
      return DROPPED.unexpectedFamily;
    default:
      return unreachable(message);
  }
}

function judgeRequest(
  frame: Uint8Array,
  message: RequestMessage,
  options: VerdictOptions,
): Verdict {
  const { request, requestNumber } = message;
  if (!options.clientTagger.verify(frame)) {
    const response = { request, status: 'authFailure', requestNumber, data: null } as const;
    return { kind: 'refused', response };
  }
  if (message.sector >= BigInt(options.sectors)) {
    const response = { request, status: 'invalidSectorIndex', requestNumber, data: null } as const;
    return { kind: 'refused', response };
  }
  const sector = Number(message.sector);
  if (message.data === null) {
    return { kind: 'request', request: { kind: 'read', requestNumber, sector } };
  }
  const data = new Uint8Array(message.data);
  return { kind: 'request', request: { kind: 'write', requestNumber, sector, data } };
}

function judgeProcessMessage(
  frame: Uint8Array,
  { sender, sector, content }: ProcessWireMessage,
  options: VerdictOptions,
): Verdict {
  if (!options.systemTagger.verify(frame)) return DROPPED.badTag;
  if (!isOtherMember(sender, options)) return DROPPED.unknownSender;
  if (sector >= BigInt(options.sectors)) return DROPPED.invalidSectorIndex;
  const carriesData = content.kind === 'value' || content.kind === 'writeProc';
  if (carriesData && content.stamp.timestamp >= TIMESTAMP_REFUSED) return DROPPED.invalidTimestamp;
  const own = carriesData ? { ...content, data: new Uint8Array(content.data) } : content;
  return {
    kind: 'processMessage',
    message: { sender, sector: Number(sector), content: own },
  };
}

function judgeReceipt(
  frame: Uint8Array,
  message: ReceiptMessage,
  options: VerdictOptions,
): Verdict {
  if (!options.systemTagger.verify(frame)) return DROPPED.badTag;
  const { sender, receiptFor, id } = message;
  if (!isOtherMember(sender, options)) return DROPPED.unknownSender;
  return { kind: 'receipt', receipt: { sender, receiptFor, id } };
}

function isOtherMember(sender: number, { self, processCount }: VerdictOptions): boolean {
  return sender !== self && isMember(sender, processCount);
}
