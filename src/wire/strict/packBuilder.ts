/**
 * The bytes of one pack while it is made, in pieces: large data are pieces of their own and are not copied, all else is
 * in one buffer, cut where data stand between.
 */
import { assert } from '../../core/assert.js';
import { SECTOR_SIZE_BYTES } from '../../core/sector.js';
import type { SectorRange } from '../../core/strict/range.js';
import type { StrictStamp } from '../../core/strict/version.js';
import { COORDINATOR_ID_SIZE_BYTES } from '../../core/strict/version.js';
import { TAG_SIZE_BYTES, MAGIC, OFFSET_SENDER, OFFSET_TYPE, TYPE_PACK } from '../constants.js';
import * as layout from './layout.js';

/** Up to so many bytes, a copy costs less than a piece. */
const COPIED_BYTES_MAX = 2 * SECTOR_SIZE_BYTES;

/** The bytes of data that stand in the buffer. */
function copiedBytes(data: Uint8Array): number {
  return data.length <= COPIED_BYTES_MAX ? data.length : 0;
}

/** What a message takes. */
export class MessageSize {
  /** Of all its bytes. */
  totalBytes: number;
  /** Of those in the buffer. */
  bufferBytes: number;

  constructor(headBytes: number) {
    this.totalBytes = headBytes;
    this.bufferBytes = headBytes;
  }

  add(bytes: number): void {
    this.totalBytes += bytes;
    this.bufferBytes += bytes;
  }

  addData(data: Uint8Array): void {
    this.totalBytes += data.length;
    this.bufferBytes += copiedBytes(data);
  }
}

export class PackBuilder {
  readonly #buffer: Buffer;
  readonly #pieces: Uint8Array[] = [];
  readonly #paddingBytes: number;
  #at = 0;
  /** Where the present piece begins. */
  #begin = 0;

  /**
   * @param totalBytes Of everything between the beginning of the message and its padding.
   * @param bufferBytes Of those, the ones in the buffer.
   */
  constructor(sender: number, totalBytes: number, bufferBytes: number) {
    const unpadded = totalBytes + TAG_SIZE_BYTES;
    const units = Math.ceil(unpadded / layout.PACK_UNIT_BYTES);
    this.#paddingBytes = units * layout.PACK_UNIT_BYTES - unpadded;
    this.#buffer = Buffer.allocUnsafe(bufferBytes + this.#paddingBytes + TAG_SIZE_BYTES);
    this.#buffer.set(MAGIC, 0);
    this.#buffer.writeUInt16BE(units, layout.OFFSET_PACK_LENGTH);
    this.#buffer[OFFSET_SENDER] = sender;
    this.#buffer[OFFSET_TYPE] = TYPE_PACK;
    this.#at = OFFSET_TYPE + 1;
  }

  u8(value: number): void {
    this.#buffer[this.#at] = value;
    this.#at += 1;
  }

  u16(value: number): void {
    this.#at = this.#buffer.writeUInt16BE(value, this.#at);
  }

  zeros(count: number): void {
    this.#buffer.fill(0, this.#at, this.#at + count);
    this.#at += count;
  }

  /** Zeros up to a multiple of the alignment. */
  align(written: number): void {
    this.zeros(layout.aligned(written) - written);
  }

  stamp({ counter, coordinator }: StrictStamp): void {
    const at = this.#buffer.writeBigUInt64BE(counter, this.#at);
    this.#at = at + this.#buffer.write(coordinator, at, COORDINATOR_ID_SIZE_BYTES, 'latin1');
  }

  head(kind: number, flags: number, range: SectorRange, number: number, sizeBytes: number): void {
    this.u8(kind);
    this.u8(flags);
    this.u16(range.count);
    this.#at = this.#buffer.writeUInt32BE(sizeBytes - layout.SIZE_MESSAGE_HEAD, this.#at);
    this.safe(number);
    this.safe(range.first);
  }

  runHead(count: number, flags: number): void {
    this.u16(count);
    this.u8(flags);
    this.zeros(layout.SIZE_RUN_HEAD - layout.OFFSET_RUN_FLAGS - 1);
  }

  data(data: Uint8Array): void {
    if (copiedBytes(data) > 0) {
      this.#buffer.set(data, this.#at);
      this.#at += data.length;
      return;
    }
    this.#cut();
    this.#pieces.push(data);
  }

  /** @returns the message, its last piece with room for the tag. */
  finish(): Uint8Array[] {
    this.zeros(this.#paddingBytes);
    this.#at += TAG_SIZE_BYTES;
    this.#cut();
    assert(this.#at === this.#buffer.length, 'a pack has the size that was reckoned');
    return this.#pieces;
  }

  #cut(): void {
    if (this.#at > this.#begin) this.#pieces.push(this.#buffer.subarray(this.#begin, this.#at));
    this.#begin = this.#at;
  }

  u64(value: bigint): void {
    this.#at = this.#buffer.writeBigUInt64BE(value, this.#at);
  }

  /** A whole number below 2^53, in eight bytes. */
  safe(value: number): void {
    assert(Number.isSafeInteger(value) && value >= 0, `${value} is no number of a message`);
    const at = this.#buffer.writeUInt32BE(Math.floor(value / 2 ** 32), this.#at);
    this.#at = this.#buffer.writeUInt32BE(value % 2 ** 32, at);
  }
}
