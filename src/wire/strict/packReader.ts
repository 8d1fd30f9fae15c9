/**
 * Reads the fields of a pack, one after the other, and notes the first that is wrong: then everything that is read
 * afterwards is without meaning, and the pack is refused as a whole.
 */
import { SECTOR_SIZE_BYTES } from '../../core/sector.js';
import type { SectorRange } from '../../core/strict/range.js';
import { EXTENT_SECTORS, isRange } from '../../core/strict/range.js';
import type { RangeData } from '../../core/strict/replicaMessage.js';
import type { StrictStamp, Version } from '../../core/strict/version.js';
import { COORDINATOR_NONE, COUNTER_REFUSED, compareStrictStamps } from '../../core/strict/version.js';
import { SIZE_FRAME_UNPROVEN_MAX } from '../constants.js';
import * as layout from './layout.js';

/** What the content of a pack is checked against. */
export interface PackLimits {
  /** The size of the disk in sectors. */
  readonly sectors: number;
  readonly processCount: number;
}

/** The head of a message. */
export interface MessageHead {
  readonly kind: number;
  readonly flags: number;
  readonly range: SectorRange;
  readonly number: number;
  /** Where the payload ends. */
  readonly end: number;
}

/**
 * Data keep the memory of their frame only if they are at least this share of it: so a sector that is kept for long
 * does not keep two megabytes.
 */
const VIEW_SHARE = 8;

export class PackReader {
  /** Where the next field begins. */
  at: number;
  #fault: string | null = null;
  readonly #bytes: Buffer;

  /** @param end Where the messages and their padding end. */
  constructor(
    frame: Uint8Array,
    at: number,
    readonly end: number,
    readonly limits: PackLimits,
  ) {
    this.#bytes = Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength);
    this.at = at;
  }

  /** What is wrong first, in words; null: nothing so far. */
  get fault(): string | null {
    return this.#fault;
  }

  /** Notes what is wrong. */
  refuse(fault: string): null {
    this.#fault ??= fault;
    return null;
  }

  byteAt(at: number): number {
    return this.#bytes[at];
  }

  u16At(at: number): number {
    return this.#bytes.readUInt16BE(at);
  }

  /** Whether all bytes from `at` to below `end` are zeros. */
  areZeros(at: number, end: number): boolean {
    for (let index = at; index < end; index += 1) if (this.#bytes[index] !== 0) return false;
    return true;
  }

  /** Whether so many bytes are left below `end`; notes it if not. */
  has(bytes: number, end: number): boolean {
    if (this.at + bytes <= end) return true;
    this.refuse(`a message is cut off: ${bytes} bytes should follow, and ${end - this.at} are there`);
    return false;
  }

  head(): MessageHead | null {
    if (!this.has(layout.SIZE_MESSAGE_HEAD, this.end)) return null;
    const bytes = this.#bytes;
    const { at } = this;
    const count = bytes.readUInt16BE(at + layout.OFFSET_MESSAGE_COUNT);
    const payloadLength = bytes.readUInt32BE(at + layout.OFFSET_MESSAGE_PAYLOAD_LENGTH);
    const number = this.safeAt(at + layout.OFFSET_MESSAGE_NUMBER);
    const first = this.safeAt(at + layout.OFFSET_MESSAGE_FIRST);
    const range = { first, count };
    this.at += layout.SIZE_MESSAGE_HEAD;
    if (!Number.isSafeInteger(number)) return this.refuse('a request number is 2^53 or more');
    if (!isRange(range, this.limits.sectors)) return this.refuse(wrongRange(range, this.limits.sectors));
    if (payloadLength % layout.ALIGNMENT_BYTES !== 0) {
      return this.refuse(`a payload has ${payloadLength} bytes, which is no multiple of ${layout.ALIGNMENT_BYTES}`);
    }
    if (!this.has(payloadLength, this.end)) return null;
    const flags = bytes[at + layout.OFFSET_MESSAGE_FLAGS];
    return { kind: bytes[at], flags, range, number, end: this.at + payloadLength };
  }

  /** The bytes must be there. */
  stamp(): StrictStamp | null {
    const bytes = this.#bytes;
    const { at } = this;
    this.at += layout.SIZE_STRICT_STAMP;
    const counter = bytes.readBigUInt64BE(at);
    const coordinator = bytes.toString('latin1', at + layout.OFFSET_STAMP_COORDINATOR, this.at);
    if (counter >= COUNTER_REFUSED) return this.refuse(`a counter is ${counter}, and must be below 2^63`);
    if (counter === 0n && coordinator !== COORDINATOR_NONE) return this.refuse('a counter of 0 has a coordinator');
    return { counter, coordinator };
  }

  /** The stamp of an attempt: not that of a sector that was never written. The bytes must be there. */
  ownStamp(): StrictStamp | null {
    const stamp = this.stamp();
    return stamp?.counter === 0n ? this.refuse('the stamp of an attempt has the counter 0') : stamp;
  }

  /** @param stamp Of the version; null: it is wrong. */
  versionOf(stamp: StrictStamp | null, origin: StrictStamp | null): Version | null {
    if (stamp === null || origin === null) return null;
    if (compareStrictStamps(origin, stamp) > 0) {
      return this.refuse(`the origin ${origin.counter} is after the stamp ${stamp.counter}`);
    }
    return { stamp, origin };
  }

  /** The data of so many sectors. The bytes must be there. */
  data(count: number): Exclude<RangeData, 'zeros'> {
    const bytes = this.#bytes;
    const { at } = this;
    this.at += count * SECTOR_SIZE_BYTES;
    const data = bytes.subarray(at, this.at);
    // A longer frame has memory of its own. The others may be views into what a socket has read.
    const isView = bytes.length > SIZE_FRAME_UNPROVEN_MAX && data.length * VIEW_SHARE >= bytes.length;
    return isView ? data : new Uint8Array(data);
  }

  u64At(at: number): bigint {
    return this.#bytes.readBigUInt64BE(at);
  }

  /** @returns more than Number.MAX_SAFE_INTEGER if it is no safe integer. */
  safeAt(at: number): number {
    return this.#bytes.readUInt32BE(at) * 2 ** 32 + this.#bytes.readUInt32BE(at + 4);
  }
}

function wrongRange({ first, count }: SectorRange, sectors: number): string {
  const range = `a range has ${count} sectors from ${first} on`;
  if (count < 1 || count > EXTENT_SECTORS) return `${range}, and must have 1 to ${EXTENT_SECTORS}`;
  if (first + count > sectors) return `${range}, and the disk has ${sectors}`;
  return `${range}, and crosses a multiple of ${EXTENT_SECTORS}`;
}
