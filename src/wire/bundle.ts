/**
 * Bundles (docs/peer-extension.md): process messages without their tags, one after the other, under one tag. So the
 * messages that one turn sends to a peer cost one HMAC to sign and one to check.
 */
import type { Rank } from '../core/rank.js';
import * as wire from './constants.js';
import type { MessageType } from './messageType.js';
import type { OutgoingMessage } from './outgoingMessage.js';
import { beginMessage, writeProcessMessage } from './serialize.js';
import type { Tagger } from './tag.js';
import type { ProcessWireMessage } from './processWireMessage.js';

export interface BundleMessage {
  readonly family: 'bundle';
  /** Any byte. */
  readonly sender: number;
  /** Reads the messages. null: the bundle is not made of whole messages. */
  readonly messages: () => readonly ProcessWireMessage[] | null;
}

type RowsByCode = ReadonlyMap<number, MessageType<ProcessWireMessage>>;

/** @param rows The types of messages that may stand in a bundle. */
export function bundleType(rows: readonly MessageType<ProcessWireMessage>[]): MessageType<BundleMessage> {
  const byCode = new Map(rows.map((row) => [row.code, row]));
  return {
    code: wire.TYPE_BUNDLE,
    name: 'BUNDLE',
    sizeOf: (bytes, at) => {
      const units = bytes[at + wire.OFFSET_BUNDLE_LENGTH] * 256;
      const size = wire.BUNDLE_UNIT_BYTES * (units + bytes[at + wire.OFFSET_BUNDLE_LENGTH + 1]);
      return size >= wire.SIZE_BUNDLE_MIN && size <= wire.SIZE_BUNDLE_MAX ? size : null;
    },
    parse: (frame) => ({
      family: 'bundle',
      sender: frame[wire.OFFSET_SENDER],
      messages: () => messagesIn(frame, byCode),
    }),
  };
}

/** @returns null if the bundle is not made of whole messages. */
function messagesIn(frame: Uint8Array, byCode: RowsByCode): readonly ProcessWireMessage[] | null {
  const messages: ProcessWireMessage[] = [];
  const end = frame.length - wire.TAG_SIZE_BYTES;
  let at = wire.HEADER_SIZE_BYTES;
  while (at < end) {
    const row = byCode.get(frame[at + wire.OFFSET_TYPE]);
    const size = row?.sizeOf(frame, at) ?? null;
    if (row === undefined || size === null) return null;
    const next = at + size - wire.TAG_SIZE_BYTES;
    if (next > end) return null;
    messages.push(row.parse(frame.subarray(at, next)));
    at = next;
  }
  return messages;
}

/**
 * Packs what one turn sends over one connection into as few messages as possible.
 *
 * Messages that go to every peer are bundled together. Their bundle is the same for all peers, and is made once if the
 * peers are served one after the other.
 */
export class Bundler {
  #lastShared: {
    readonly messages: readonly OutgoingMessage[];
    readonly bytes: Uint8Array[];
  } | null = null;

  constructor(
    private readonly self: Rank,
    private readonly tagger: Tagger,
  ) {}

  /** Contents that are bytes already are sent as they are, and keep their place among the others. */
  pack(contents: readonly (Uint8Array | OutgoingMessage)[]): Uint8Array[] {
    const packed: Uint8Array[] = [];
    let shared: OutgoingMessage[] = [];
    let others: OutgoingMessage[] = [];
    const finish = (): void => {
      packed.push(...this.#packShared(shared), ...this.#packAll(others));
      shared = [];
      others = [];
    };
    for (const content of contents) {
      if (content instanceof Uint8Array) {
        if (shared.length + others.length > 0) finish();
        packed.push(content);
      } else if (content.isBroadcast) shared.push(content);
      else others.push(content);
    }
    finish();
    return packed;
  }

  #packShared(messages: readonly OutgoingMessage[]): readonly Uint8Array[] {
    if (messages.length === 0) return [];
    const last = this.#lastShared;
    const isSame =
      last?.messages.length === messages.length && last.messages.every((message, index) => message === messages[index]);
    if (isSame) return last.bytes;
    const bytes = this.#packAll(messages);
    this.#lastShared = { messages, bytes };
    return bytes;
  }

  #packAll(messages: readonly OutgoingMessage[]): Uint8Array[] {
    const packed: Uint8Array[] = [];
    let begin = 0;
    while (begin < messages.length) {
      let end = begin;
      let sizeBytes = wire.HEADER_SIZE_BYTES + wire.TAG_SIZE_BYTES;
      while (end < messages.length && sizeBytes + messages[end].sizeBytes <= wire.SIZE_BUNDLE_MAX) {
        sizeBytes += messages[end].sizeBytes;
        end += 1;
      }
      packed.push(end === begin + 1 ? messages[begin].own() : this.#bundle(messages, begin, end, sizeBytes));
      begin = end;
    }
    return packed;
  }

  #bundle(messages: readonly OutgoingMessage[], begin: number, end: number, sizeBytes: number): Uint8Array {
    const bytes = beginMessage(sizeBytes, this.self, wire.TYPE_BUNDLE);
    bytes.writeUInt16BE(sizeBytes / wire.BUNDLE_UNIT_BYTES, wire.OFFSET_BUNDLE_LENGTH);
    let at = wire.HEADER_SIZE_BYTES;
    for (let index = begin; index < end; index += 1) {
      writeProcessMessage(bytes, at, messages[index].message);
      at += messages[index].sizeBytes;
    }
    this.tagger.sign(bytes);
    return bytes;
  }
}
