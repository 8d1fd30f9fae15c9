/**
 * Cuts a stream of bytes into messages, whatever the bytes are and wherever TCP cut them (docs/wire-protocol.md, "Bad
 * input"). It searches for a magic. If the type is not in the table, it skips eight bytes. A message of a known type is
 * taken whole, valid or not.
 *
 * Bound: at most one incomplete message is kept between chunks, of at most as many bytes as the connection is allowed.
 * A frame that arrived within one chunk is a view into it; others have memory of their own, into which each byte was
 * copied once. Frames never change afterwards.
 */
import type { MessageType } from './messageType.js';
import type { WireMessage } from './wireMessage.js';
import type { MessageTable } from './messageTypes.js';
import { HEADER_SIZE_BYTES, MAGIC, OFFSET_TYPE, SIZE_FRAME_UNPROVEN_MAX } from './constants.js';

export interface Frame {
  readonly type: MessageType<WireMessage>;
  readonly bytes: Uint8Array;
}

export interface FrameDecoder {
  /**
   * Takes the next bytes.
   * @returns the messages that they complete, in order.
   */
  push(chunk: Uint8Array): Frame[];
  /** Bytes kept of a message that is incomplete. */
  readonly pendingBytes: number;
}

const NOTHING = new Uint8Array(0);

/**
 * @param sizeMax The longest message that the connection may send now, in bytes. It is asked at each header; a header
 * of a longer message is skipped like an unknown type.
 */
export function createFrameDecoder(
  table: MessageTable,
  sizeMax: () => number = () => SIZE_FRAME_UNPROVEN_MAX,
): FrameDecoder {
  /** The beginning of a message, or of what may become one. Only the first `pendingBytes` bytes are filled. */
  let pending: Uint8Array = NOTHING;
  let pendingBytes = 0;

  /** Keeps `bytes` from `start` on, in memory that has room for a message of `size` bytes. */
  const keep = (bytes: Uint8Array, start: number, size: number): void => {
    const kept = new Uint8Array(size);
    kept.set(bytes.subarray(start));
    pending = kept;
    pendingBytes = bytes.length - start;
  };

  /** Takes every complete message out of `bytes` and keeps the rest. */
  const scan = (bytes: Uint8Array, frames: Frame[]): void => {
    pending = NOTHING;
    pendingBytes = 0;
    let at = 0;
    for (;;) {
      at = findMagic(bytes, at);
      const left = bytes.length - at;
      if (left < HEADER_SIZE_BYTES) {
        if (left > 0) keep(bytes, at, HEADER_SIZE_BYTES);
        return;
      }
      const type = table[bytes[at + OFFSET_TYPE]];
      const size = type === undefined ? null : type.sizeOf(bytes, at);
      if (type === undefined || size === null || (size > SIZE_FRAME_UNPROVEN_MAX && size > sizeMax())) {
        at += HEADER_SIZE_BYTES;
        continue;
      }
      if (left < size) {
        keep(bytes, at, size);
        return;
      }
      frames.push({ type, bytes: bytes.subarray(at, at + size) });
      at += size;
    }
  };

  return {
    get pendingBytes() {
      return pendingBytes;
    },
    push(chunk) {
      const frames: Frame[] = [];
      let at = 0;
      // Complete what is pending: first the header, then, because its length is known, the whole message.
      while (pendingBytes > 0 && at < chunk.length) {
        const taken = Math.min(pending.length - pendingBytes, chunk.length - at);
        pending.set(chunk.subarray(at, at + taken), pendingBytes);
        pendingBytes += taken;
        at += taken;
        if (pendingBytes === pending.length) scan(pending, frames);
      }
      if (at < chunk.length) scan(at === 0 ? chunk : chunk.subarray(at), frames);
      return frames;
    },
  };
}

/** The offset of the next magic, or of the beginning of one at the end; `bytes.length` if there is none. */
function findMagic(bytes: Uint8Array, from: number): number {
  for (let at = from; ; at += 1) {
    at = bytes.indexOf(MAGIC[0], at);
    if (at === -1) return bytes.length;
    let matched = 1;
    while (matched < MAGIC.length && bytes[at + matched] === MAGIC[matched]) matched += 1;
    if (matched === MAGIC.length || at + matched === bytes.length) return at;
  }
}
