/**
 * PACK (docs/strict-wire.md): the requests of one turn to a replica, or its answers of one turn, under one tag.
 * Requests and answers are not mixed: answers come with the incarnations of all, requests with none.
 */
import type { Rank } from '../../core/rank.js';
import { INCARNATION_MAX } from '../../core/stamp.js';
import type { Incarnations } from '../../core/strict/replicaMessage.js';
import * as wire from '../constants.js';
import type { MessageType } from '../messageType.js';
import type { Tagger } from '../tag.js';
import type { NumberedAnswer } from './answers.js';
import { answerSize, readAnswer, writeAnswer } from './answers.js';
import * as layout from './layout.js';
import type { MessageSize } from './packBuilder.js';
import { PackBuilder } from './packBuilder.js';
import type { MessageHead, PackLimits } from './packReader.js';
import { PackReader } from './packReader.js';
import type { NumberedRequest } from './requests.js';
import { readRequest, requestSize, writeRequest } from './requests.js';

/** The sender of a pack that is a client. */
export const SENDER_CLIENT = 0;

export type PackContent =
  | { readonly kind: 'requests'; readonly requests: readonly NumberedRequest[] }
  | { readonly kind: 'answers'; readonly incarnations: Incarnations; readonly answers: readonly NumberedAnswer[] };

export interface PackMessage {
  readonly family: 'pack';
  /** Any byte. */
  readonly sender: number;
  /**
   * Reads the messages. Data are views into the frame where they are a large part of it and the frame has memory of its
   * own; others are copies. Either way they never change.
   * @returns what is wrong, in words, if anything is.
   */
  readonly content: (limits: PackLimits) => PackContent | string;
}

export const PACK: MessageType<PackMessage> = {
  code: wire.TYPE_PACK,
  name: 'PACK',
  sizeOf: (bytes, at) => {
    const units = bytes[at + layout.OFFSET_PACK_LENGTH] * 256 + bytes[at + layout.OFFSET_PACK_LENGTH + 1];
    const size = units * layout.PACK_UNIT_BYTES;
    return size >= layout.SIZE_PACK_MIN ? size : null;
  },
  parse: (frame) => ({
    family: 'pack',
    sender: frame[wire.OFFSET_SENDER],
    content: (limits) => readPack(frame, limits),
  }),
};

function readPack(frame: Uint8Array, limits: PackLimits): PackContent | string {
  const end = frame.length - wire.TAG_SIZE_BYTES;
  const reader = new PackReader(frame, layout.OFFSET_PACK_INCARNATIONS, end, limits);
  const incarnations = readIncarnations(reader);
  if (incarnations === null) return reader.fault ?? '';
  if (incarnations.length === 0) {
    const requests = readMessages(reader, (head): NumberedRequest | null => {
      const request = readRequest(reader, head);
      return request && { number: head.number, request };
    });
    return reader.fault ?? { kind: 'requests', requests };
  }
  const answers = readMessages(reader, (head): NumberedAnswer | null => {
    const answer = readAnswer(reader, head);
    return answer && { number: head.number, range: head.range, answer };
  });
  return reader.fault ?? { kind: 'answers', incarnations, answers };
}

/** @returns none: these are requests. null: something is wrong. */
function readIncarnations(reader: PackReader): Incarnations | null {
  const count = reader.byteAt(layout.OFFSET_PACK_INCARNATION_COUNT);
  const { processCount } = reader.limits;
  if (count !== 0 && count !== processCount) {
    return reader.refuse(`a pack has ${count} incarnations, and the cluster has ${processCount} processes`);
  }
  const end = layout.OFFSET_PACK_INCARNATIONS + layout.aligned(2 * count);
  if (!reader.has(end - reader.at, reader.end)) return null;
  const isPadded =
    reader.areZeros(layout.OFFSET_PACK_INCARNATION_COUNT + 1, layout.OFFSET_PACK_INCARNATIONS) &&
    reader.areZeros(layout.OFFSET_PACK_INCARNATIONS + 2 * count, end);
  if (!isPadded) return reader.refuse('the padding of the head of a pack is not zeros');
  const incarnations: number[] = [];
  for (; reader.at < layout.OFFSET_PACK_INCARNATIONS + 2 * count; reader.at += 2) {
    const incarnation = reader.u16At(reader.at);
    if (incarnation > INCARNATION_MAX) {
      return reader.refuse(`an incarnation is ${incarnation}, and at most ${INCARNATION_MAX}`);
    }
    incarnations.push(incarnation);
  }
  reader.at = end;
  return incarnations;
}

/** What `read` makes of each message, up to the padding. The first that is wrong ends it. */
function readMessages<Message>(reader: PackReader, read: (head: MessageHead) => Message | null): Message[] {
  const messages: Message[] = [];
  while (reader.at < reader.end && reader.byteAt(reader.at) !== 0) {
    const head = reader.head();
    const message = head && read(head);
    if (message === null) return [];
    messages.push(message);
    if (messages.length > layout.PACK_MESSAGES_MAX) {
      reader.refuse(`a pack has more than ${layout.PACK_MESSAGES_MAX} messages`);
      return [];
    }
  }
  const left = reader.end - reader.at;
  if (left >= layout.PACK_UNIT_BYTES || !reader.areZeros(reader.at, reader.end)) {
    reader.refuse(`${left} bytes behind the last message of a pack are no padding`);
  }
  return messages;
}

/** Makes packs of what one turn sends over one connection: as few as possible. */
export class Packer {
  /** @param sender The own rank; SENDER_CLIENT: a client. */
  constructor(
    private readonly sender: Rank,
    private readonly tagger: Tagger,
  ) {}

  /** @returns the bytes of the packs in pieces, in order. The data of large requests are pieces as they are. */
  packRequests(requests: readonly NumberedRequest[]): Uint8Array[] {
    return this.#pack([], requests, ({ request }) => requestSize(request), writeRequest);
  }

  /**
   * @param incarnations Of all processes.
   * @returns as above.
   */
  packAnswers(incarnations: Incarnations, answers: readonly NumberedAnswer[]): Uint8Array[] {
    return this.#pack(incarnations, answers, ({ answer }) => answerSize(answer), writeAnswer);
  }

  #pack<Message>(
    incarnations: Incarnations,
    messages: readonly Message[],
    sizeOf: (message: Message) => MessageSize,
    write: (builder: PackBuilder, message: Message, sizeBytes: number) => void,
  ): Uint8Array[] {
    const sizes = messages.map(sizeOf);
    const headBytes = layout.OFFSET_PACK_INCARNATIONS + layout.aligned(2 * incarnations.length);
    const pieces: Uint8Array[] = [];
    for (let begin = 0; begin < messages.length;) {
      let totalBytes = headBytes;
      let bufferBytes = headBytes;
      let end = begin;
      const endMax = Math.min(messages.length, begin + layout.PACK_MESSAGES_MAX);
      while (end < endMax && totalBytes + sizes[end].totalBytes <= CONTENT_BYTES_MAX) {
        totalBytes += sizes[end].totalBytes;
        bufferBytes += sizes[end].bufferBytes;
        end += 1;
      }
      const builder = new PackBuilder(this.sender, totalBytes, bufferBytes);
      builder.u8(incarnations.length);
      builder.zeros(layout.OFFSET_PACK_INCARNATIONS - layout.OFFSET_PACK_INCARNATION_COUNT - 1);
      for (const incarnation of incarnations) builder.u16(incarnation);
      builder.align(2 * incarnations.length);
      for (let index = begin; index < end; index += 1) write(builder, messages[index], sizes[index].totalBytes);
      const pack = builder.finish();
      this.tagger.signPieces(pack);
      pieces.push(...pack);
      begin = end;
    }
    return pieces;
  }
}

const CONTENT_BYTES_MAX = layout.SIZE_PACK_MAX - wire.TAG_SIZE_BYTES;
