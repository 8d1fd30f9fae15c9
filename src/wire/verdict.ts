/**
 * Decides what is done about a message that arrived, by the rules of docs/wire-protocol.md, "Bad input", in the order
 * in which they apply. Bad input is a value here, never an exception.
 */
import { unreachable } from '../core/assert.js';
import type { ClientRequest, ClientResponse, ProcessMessage, Receipt } from '../core/message.js';
import type { AnyInquiry, Hello, Inquiry, SignedMemberMessage } from '../core/membership/memberMessage.js';
import type { Rank } from '../core/rank.js';
import { RANK_MAX, isMember } from '../core/rank.js';
import type { SectorIndex } from '../core/sector.js';
import type { Shard } from '../core/shard.js';
import { isOfShard } from '../core/shard.js';
import { TIMESTAMP_REFUSED } from '../core/stamp.js';
import type { Tagger } from './tag.js';
import type { ParsedFrame, WireMessage } from './wireMessage.js';
import type { BundleMessage } from './bundle.js';
import { readMemberMessage } from './memberMessages.js';
import type { MemberWireMessage } from './memberMessages.js';
import type { HelloEnvelope, HelloMessage } from './helloMessage.js';
import type { ProcessWireMessage } from './processWireMessage.js';
import type { OpenFields } from './strict/openMessages.js';
import type { PackContent, PackMessage } from './strict/pack.js';
import { SENDER_CLIENT } from './strict/pack.js';

export type DropReason =
  | 'badTag'
  | 'unknownSender'
  | 'invalidSectorIndex'
  | 'invalidTimestamp'
  | 'invalidContent'
  | 'unexpectedFamily'
  | 'otherMode'
  | 'wrongShard'
  | 'otherWorkers'
  | 'outdatedSender';

export type Verdict =
  /** A client's request, authentic and in range. */
  | { readonly kind: 'request'; readonly request: ClientRequest }
  /** A client's request that is only answered with an error. */
  | { readonly kind: 'refused'; readonly response: ClientResponse }
  | { readonly kind: 'processMessage'; readonly message: ProcessMessage }
  /** Several messages of one sender. All of them are valid; invalid ones were left out. */
  | {
      readonly kind: 'bundle';
      readonly sender: Rank;
      readonly messages: readonly ProcessMessage[];
      /** Why some messages were left out; null: none was. */
      readonly leftOut: 'invalidSectorIndex' | null;
    }
  | { readonly kind: 'receipt'; readonly receipt: Receipt }
  | { readonly kind: 'member'; readonly message: SignedMemberMessage }
  /** Its rank may be that of no other member, because people have to be told of such a peer. */
  | { readonly kind: 'hello'; readonly envelope: HelloEnvelope; readonly content: Hello }
  /** A client's inquiry about this process. */
  | { readonly kind: 'inquiry'; readonly inquiry: Inquiry; readonly requestNumber: bigint }
  /** … or which sectors from `from` on are zeros. `from` is at most the number of sectors. */
  | { readonly kind: 'map'; readonly from: SectorIndex; readonly requestNumber: bigint }
  | {
      readonly kind: 'refusedInquiry';
      readonly inquiry: AnyInquiry;
      readonly requestNumber: bigint;
    }
  /** A SHARD: the sender has workers, and this process has none. */
  | { readonly kind: 'shard' }
  /** A client asks how this process may be spoken to. */
  | { readonly kind: 'open'; readonly open: OpenFields }
  /**
   * Requests or answers of the strict register, all valid. Requests of a client have its key, all others that of the
   * system; answers come from processes only. The sender of a client is SENDER_CLIENT. Data are as `PackMessage` says.
   */
  | { readonly kind: 'pack'; readonly sender: Rank; readonly content: PackContent }
  /** `detail`: what is wrong with it, in words. */
  | { readonly kind: 'dropped'; readonly reason: DropReason; readonly detail?: string };

export interface VerdictOptions {
  readonly self: Rank;
  readonly processCount: number;
  /** The size of the disk in sectors. */
  readonly sectors: number;
  /** The shard that is kept here; null, the default: all sectors. */
  readonly shard?: Shard | null | undefined;
  /** Checks the tags of client messages. */
  readonly clientTagger: Tagger;
  /** Checks the tags of all messages between processes. */
  readonly systemTagger: Tagger;
}

type RequestMessage = Extract<WireMessage, { family: 'request' }>;
type ReceiptMessage = Extract<WireMessage, { family: 'receipt' }>;

const DROPPED: Readonly<Record<DropReason, Verdict>> = {
  badTag: { kind: 'dropped', reason: 'badTag' },
  unknownSender: { kind: 'dropped', reason: 'unknownSender' },
  invalidSectorIndex: { kind: 'dropped', reason: 'invalidSectorIndex' },
  invalidTimestamp: { kind: 'dropped', reason: 'invalidTimestamp' },
  invalidContent: { kind: 'dropped', reason: 'invalidContent' },
  outdatedSender: { kind: 'dropped', reason: 'outdatedSender' },
  unexpectedFamily: { kind: 'dropped', reason: 'unexpectedFamily' },
  otherMode: { kind: 'dropped', reason: 'otherMode' },
  wrongShard: { kind: 'dropped', reason: 'wrongShard' },
  otherWorkers: { kind: 'dropped', reason: 'otherWorkers' },
};

/** Judges one message. Data in the verdict is a copy, so the frame need not be kept; but see `pack`. */
export function judge({ frame, message }: ParsedFrame, options: VerdictOptions): Verdict {
  switch (message.family) {
    case 'request':
      return judgeRequest(frame, message, options);
    case 'process':
      if (!options.systemTagger.verify(frame)) return DROPPED.badTag;
      return judgeProcessMessage(message, options);
    case 'bundle':
      return judgeBundle(frame, message, options);
    case 'receipt':
      return judgeReceipt(frame, message, options);
    case 'hello':
      return judgeHello(frame, message, options);
    case 'oldHello':
    case 'link':
    case 'list':
    case 'listed':
      return judgeMember(frame, message, options);
    case 'shard':
      if (!options.systemTagger.verify(frame)) return DROPPED.badTag;
      return isOtherMember(message.sender, options) ? { kind: 'shard' } : DROPPED.unknownSender;
    case 'inquiry': {
      const isGood = options.clientTagger.verify(frame);
      const { inquiry, requestNumber, from } = message;
      if (!isGood) return { kind: 'refusedInquiry', inquiry, requestNumber };
      if (inquiry !== 'map') return { kind: 'inquiry', inquiry, requestNumber };
      const { sectors } = options;
      return { kind: 'map', from: from < BigInt(sectors) ? Number(from) : sectors, requestNumber };
    }
    case 'open':
      if (!options.clientTagger.verify(frame)) return DROPPED.badTag;
      return { kind: 'open', open: { token: message.token, version: message.version } };
    case 'pack':
      return judgePack(frame, message, options);
    case 'response':
    case 'report':
    case 'opened':
      return DROPPED.unexpectedFamily;
    default:
      return unreachable(message);
  }
}

function judgeRequest(frame: Uint8Array, message: RequestMessage, options: VerdictOptions): Verdict {
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

function judgeBundle(frame: Uint8Array, { sender, ...bundle }: BundleMessage, options: VerdictOptions): Verdict {
  if (!options.systemTagger.verify(frame)) return DROPPED.badTag;
  if (!isOtherMember(sender, options)) return DROPPED.unknownSender;
  const messages = bundle.messages();
  if (messages === null) return DROPPED.invalidContent;
  const good: ProcessMessage[] = [];
  let leftOut: 'invalidSectorIndex' | null = null;
  for (const message of messages) {
    const verdict = judgeProcessMessage(message, options);
    if (message.sender !== sender) return DROPPED.invalidContent;
    if (verdict === DROPPED.invalidSectorIndex) {
      // The sender's disk is larger, because it was grown there first. The other messages may be valid.
      leftOut = 'invalidSectorIndex';
      continue;
    }
    if (verdict.kind !== 'processMessage') return DROPPED.invalidContent;
    good.push(verdict.message);
  }
  return { kind: 'bundle', sender, messages: good, leftOut };
}

/** Judges a message whose tag is right. */
function judgeProcessMessage({ sender, sector, content }: ProcessWireMessage, options: VerdictOptions): Verdict {
  if (!isOtherMember(sender, options)) return DROPPED.unknownSender;
  if (sector >= BigInt(options.sectors)) return DROPPED.invalidSectorIndex;
  const { shard = null } = options;
  if (shard !== null && !isOfShard(Number(sector), shard)) return DROPPED.wrongShard;
  const isStamped = 'stamp' in content;
  if (isStamped && content.stamp.timestamp >= TIMESTAMP_REFUSED) return DROPPED.invalidTimestamp;
  const own = 'data' in content ? { ...content, data: new Uint8Array(content.data) } : content;
  return {
    kind: 'processMessage',
    message: { sender, sector: Number(sector), content: own },
  };
}

function judgeHello(frame: Uint8Array, message: HelloMessage, options: VerdictOptions): Verdict {
  if (!options.systemTagger.verify(frame)) return DROPPED.badTag;
  const { sender, addressee, token, echo } = message;
  const content = message.content();
  if (sender < 1 || sender > RANK_MAX || content === null) return DROPPED.invalidContent;
  return { kind: 'hello', envelope: { sender, addressee, token, echo }, content };
}

function judgeMember(frame: Uint8Array, message: MemberWireMessage, options: VerdictOptions): Verdict {
  if (!options.systemTagger.verify(frame)) return DROPPED.badTag;
  const { sender } = message;
  if (!isOtherMember(sender, options)) return DROPPED.unknownSender;
  const content = readMemberMessage(message, BigInt(options.sectors), options.processCount);
  if (content === null) return DROPPED.invalidContent;
  return { kind: 'member', message: { sender, content } };
}

function judgeReceipt(frame: Uint8Array, message: ReceiptMessage, options: VerdictOptions): Verdict {
  if (!options.systemTagger.verify(frame)) return DROPPED.badTag;
  const { sender, receiptFor, id } = message;
  if (!isOtherMember(sender, options)) return DROPPED.unknownSender;
  return { kind: 'receipt', receipt: { sender, receiptFor, id } };
}

function judgePack(frame: Uint8Array, { sender, content }: PackMessage, options: VerdictOptions): Verdict {
  const isOfClient = sender === SENDER_CLIENT;
  const tagger = isOfClient ? options.clientTagger : options.systemTagger;
  if (!tagger.verify(frame)) return DROPPED.badTag;
  if (!isOfClient && !isOtherMember(sender, options)) return DROPPED.unknownSender;
  const read = content(options);
  if (typeof read === 'string') return { kind: 'dropped', reason: 'invalidContent', detail: read };
  if (isOfClient && read.kind === 'answers') {
    return { kind: 'dropped', reason: 'invalidContent', detail: 'a client has sent answers' };
  }
  return { kind: 'pack', sender, content: read };
}

function isOtherMember(sender: number, { self, processCount }: VerdictOptions): boolean {
  return sender !== self && isMember(sender, processCount);
}
