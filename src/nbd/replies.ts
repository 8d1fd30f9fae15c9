/**
 * Replies as bytes: simple replies, or chunks if structured replies were negotiated. Each reply is a list of pieces to
 * be sent in order. Data is a piece of its own and not copied.
 */
import type { NbdErrorName } from './constants.js';
import {
  ALLOCATION,
  BASE_ALLOCATION_ID,
  CHUNK,
  CHUNK_FLAG_DONE,
  CHUNK_MAGIC,
  COMMAND_FLAG,
  NBD_ERROR,
  SIMPLE_REPLY_MAGIC,
} from './constants.js';
import { bytesOf, u16, u32, u64, utf8 } from './byteWriter.js';
import type { Extent } from './extents.js';
import { extentsOf } from './extents.js';
import type { NbdRequest } from './request.js';

/** The reply to a command that succeeded and returns nothing. */
export function doneReply(cookie: bigint, isStructured: boolean): Uint8Array[] {
  return [isStructured ? chunk(CHUNK.NONE, cookie, 0, true) : simpleReply(cookie, 0)];
}

/** @param text For people; only structured replies carry it. */
export function errorReply(cookie: bigint, error: NbdErrorName, text: string, isStructured: boolean): Uint8Array[] {
  const number = NBD_ERROR[error];
  if (!isStructured) return [simpleReply(cookie, number)];
  const message = utf8(text);
  const payload = bytesOf(u32(number), u16(message.length), message);
  return [chunk(CHUNK.ERROR, cookie, payload.length, true), payload];
}

/** The reply to a READ: sectors of zeros become holes, unless the client wants one piece (DF). */
export function readReply(
  { cookie, flags, offsetBytes }: NbdRequest,
  data: Uint8Array,
  isStructured: boolean,
): Uint8Array[] {
  if (!isStructured) return [simpleReply(cookie, 0), data];
  if (data.length === 0) return doneReply(cookie, true);
  const isWhole = (flags & COMMAND_FLAG.DF) !== 0;
  const extents = isWhole ? [{ from: 0, to: data.length, isZero: false }] : extentsOf(data, offsetBytes);
  return extents.flatMap(({ from, to, isZero }, index) => {
    const isLast = index === extents.length - 1;
    const at = u64(offsetBytes + BigInt(from));
    if (isZero) {
      const header = chunk(CHUNK.OFFSET_HOLE, cookie, 12, isLast);
      return [bytesOf(header, at, u32(to - from))];
    }
    const header = chunk(CHUNK.OFFSET_DATA, cookie, 8 + to - from, isLast);
    return [bytesOf(header, at), data.subarray(from, to)];
  });
}

/**
 * The reply to a BLOCK_STATUS.
 * @param extents At least one. The first begins at the offset of the request.
 */
export function statusReply(request: NbdRequest, extents: readonly Extent[]): Uint8Array[] {
  const sent = (request.flags & COMMAND_FLAG.REQ_ONE) === 0 ? extents : extents.slice(0, 1);
  const descriptors = sent.map(({ from, to, isZero }) =>
    bytesOf(u32(to - from), u32(isZero ? ALLOCATION.HOLE | ALLOCATION.ZERO : 0)),
  );
  const payload = bytesOf(u32(BASE_ALLOCATION_ID), ...descriptors);
  return [chunk(CHUNK.BLOCK_STATUS, request.cookie, payload.length, true), payload];
}

function simpleReply(cookie: bigint, error: number): Uint8Array {
  const bytes = Buffer.allocUnsafe(16);
  bytes.writeUInt32BE(SIMPLE_REPLY_MAGIC, 0);
  bytes.writeUInt32BE(error, 4);
  bytes.writeBigUInt64BE(cookie, 8);
  return bytes;
}

/** The header of a chunk, which `length` bytes follow. */
function chunk(type: number, cookie: bigint, length: number, isLast: boolean): Uint8Array {
  const bytes = Buffer.allocUnsafe(20);
  bytes.writeUInt32BE(CHUNK_MAGIC, 0);
  bytes.writeUInt16BE(isLast ? CHUNK_FLAG_DONE : 0, 4);
  bytes.writeUInt16BE(type, 6);
  bytes.writeBigUInt64BE(cookie, 8);
  bytes.writeUInt32BE(length, 16);
  return bytes;
}
