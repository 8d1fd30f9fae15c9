/**
 * The wire protocol once more, written from docs/wire-protocol.md alone and sharing no code with src/wire: what both
 * sides of a mistake share cannot show it. Made for being compared with the page line by line, not for speed.
 */
import { createHmac, randomBytes } from 'node:crypto';
import type { PackMessage } from './packs.js';
import { packSizeOf, parsePack } from './packs.js';

export const SECTOR_BYTES = 4096;
export const TAG_BYTES = 32;
export const MAGIC = Buffer.from('atdd', 'latin1');

/** Padding may be anything; or what a function makes of a length. */
export type Padding = 'zeros' | 'random' | ((length: number) => Buffer);
/** STATUS, SCRUB and MAP are asked of a process itself, and laid out like a READ. */
export type RequestKind = 'READ' | 'WRITE' | 'STATUS' | 'SCRUB' | 'MAP';
export type ProcessKind = 'READ_PROC' | 'VALUE' | 'WRITE_PROC' | 'ACK';
export type Status = 'Ok' | 'AuthFailure' | 'InvalidSectorIndex' | `unknown ${number}`;

const REQUEST_TYPES = { READ: 0x01, WRITE: 0x02, STATUS: 0x90, SCRUB: 0x91, MAP: 0x92 } as const;
const PROCESS_TYPES = { READ_PROC: 0x03, VALUE: 0x04, WRITE_PROC: 0x05, ACK: 0x06 } as const;
const ANSWER = 0x40;
const STATUSES: readonly Status[] = ['Ok', 'AuthFailure', 'InvalidSectorIndex'];

export interface RequestMessage {
  readonly family: 'request';
  readonly kind: RequestKind;
  readonly requestNumber: bigint;
  readonly sector: bigint;
  readonly data: Buffer | null;
}

export interface ResponseMessage {
  readonly family: 'response';
  readonly kind: RequestKind;
  readonly status: Status;
  readonly requestNumber: bigint;
  readonly data: Buffer | null;
}

export interface ProcessMessage {
  readonly family: 'process';
  readonly kind: ProcessKind;
  readonly sender: number;
  /** The uuid in hexadecimal, 32 digits. */
  readonly id: string;
  readonly sector: bigint;
  /** Of VALUE and WRITE_PROC, else null. */
  readonly register: RegisterValue | null;
}

export interface RegisterValue {
  readonly timestamp: bigint;
  readonly writeRank: number;
  readonly data: Buffer;
}

export interface ReceiptMessage {
  readonly family: 'receipt';
  readonly receiptFor: ProcessKind;
  readonly sender: number;
  readonly id: string;
}

export type Message = RequestMessage | ResponseMessage | ProcessMessage | ReceiptMessage;

const u8 = (value: number): Buffer => Buffer.of(value);

function u64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
}

function pad(length: number, padding: Padding): Buffer {
  if (typeof padding === 'function') return padding(length);
  return padding === 'zeros' ? Buffer.alloc(length) : randomBytes(length);
}

/** The tag of everything before it. */
export function tagOf(bytes: Uint8Array, key: Uint8Array): Buffer {
  return createHmac('sha256', key).update(bytes).digest();
}

function tagged(parts: readonly Uint8Array[], key: Uint8Array): Buffer {
  const bytes = Buffer.concat([MAGIC, ...parts]);
  return Buffer.concat([bytes, tagOf(bytes, key)]);
}

/** magic(4) padding(3) type(1) request_number(8) sector_index(8) [data(4096) if WRITE] tag(32) */
export function requestBytes(
  { kind, requestNumber, sector, data }: Omit<RequestMessage, 'family'>,
  clientKey: Uint8Array,
  padding: Padding = 'zeros',
): Buffer {
  const fixed = [pad(3, padding), u8(REQUEST_TYPES[kind]), u64(requestNumber), u64(sector)];
  return tagged(data === null ? fixed : [...fixed, data], clientKey);
}

/** magic(4) padding(2) status(1) type(1) request_number(8) [data(4096)] tag(32) */
export function responseBytes(
  { kind, status, requestNumber, data }: Omit<ResponseMessage, 'family'>,
  clientKey: Uint8Array,
  padding: Padding = 'zeros',
): Buffer {
  const type = u8(ANSWER + REQUEST_TYPES[kind]);
  const fixed = [pad(2, padding), u8(codeOf(status)), type, u64(requestNumber)];
  return tagged(data === null ? fixed : [...fixed, data], clientKey);
}

/** magic(4) padding(2) sender_rank(1) type(1) uuid(16) sector_index(8) [content] tag(32) */
export function processBytes(
  { kind, sender, id, sector, register }: Omit<ProcessMessage, 'family'>,
  systemKey: Uint8Array,
  padding: Padding = 'zeros',
): Buffer {
  const uuid = Buffer.from(id, 'hex');
  const fixed = [pad(2, padding), u8(sender), u8(PROCESS_TYPES[kind]), uuid, u64(sector)];
  if (register === null) return tagged(fixed, systemKey);
  // timestamp(8) padding(7) write_rank(1) data(4096)
  const { timestamp, writeRank, data } = register;
  return tagged([...fixed, u64(timestamp), pad(7, padding), u8(writeRank), data], systemKey);
}

/** magic(4) padding(2) sender_rank(1) type(1) uuid(16) tag(32) */
export function receiptBytes(
  { receiptFor, sender, id }: Omit<ReceiptMessage, 'family'>,
  systemKey: Uint8Array,
  padding: Padding = 'zeros',
): Buffer {
  const type = u8(ANSWER + PROCESS_TYPES[receiptFor]);
  return tagged([pad(2, padding), u8(sender), type, Buffer.from(id, 'hex')], systemKey);
}

export interface Received {
  readonly message: Message;
  readonly tagIsGood: boolean;
}

export interface ReceivedPack {
  readonly message: PackMessage;
  readonly tagIsGood: boolean;
}

const isOfProtocol = (one: Received | ReceivedPack): one is Received => one.message.family !== 'pack';

export interface Keys {
  readonly clientKey: Uint8Array;
  readonly systemKey: Uint8Array;
}

/** Cuts a stream into messages by section 4 of the page. */
export class MessageReader {
  /** Bytes that had to be skipped: none come from a side that keeps to the protocol. */
  skippedBytes = 0;
  private rest: Buffer = Buffer.alloc(0);

  /** @param knowsOwn Whether it reads as this implementation does, bundles included; others skip them. */
  constructor(
    private readonly keys: Keys,
    private readonly knowsOwn = false,
  ) {}

  push(chunk: Uint8Array): Received[] {
    return this.pushAny(chunk).filter((one) => isOfProtocol(one));
  }

  /** With packs. */
  pushAny(chunk: Uint8Array): (Received | ReceivedPack)[] {
    this.rest = Buffer.concat([this.rest, chunk]);
    const received: (Received | ReceivedPack)[] = [];
    for (;;) {
      this.slideToMagic();
      if (this.rest.length < 8) return received;
      const ownSize = this.knowsOwn ? ownSizeOf(this.rest) : null;
      if (ownSize !== null) {
        if (this.rest.length < ownSize) return received;
        const own = this.rest.subarray(0, ownSize);
        if (own[7] === BUNDLE) received.push(...inBundle(own, this.keys));
        else if (own[7] === PACK) received.push(receivePack(own, this.keys));
        this.rest = this.rest.subarray(ownSize);
        continue;
      }
      const size = sizeOf(this.rest);
      if (size === null) {
        this.skip(8);
        continue;
      }
      if (this.rest.length < size) return received;
      const bytes = Buffer.from(this.rest.subarray(0, size));
      this.rest = this.rest.subarray(size);
      received.push(receive(bytes, this.keys));
    }
  }

  /** Bytes of a message that is not whole yet. */
  get pendingBytes(): number {
    return this.rest.length;
  }

  private slideToMagic(): void {
    const at = this.rest.indexOf(MAGIC);
    if (at !== -1) {
      this.skip(at);
      return;
    }
    // The last bytes may be the beginning of a magic.
    let kept = Math.min(MAGIC.length - 1, this.rest.length);
    while (kept > 0 && !MAGIC.subarray(0, kept).equals(this.rest.subarray(-kept))) kept -= 1;
    this.skip(this.rest.length - kept);
  }

  private skip(length: number): void {
    this.skippedBytes += length;
    this.rest = this.rest.subarray(length);
  }
}

/** docs/peer-extension.md: several messages of this implementation's processes under one tag. */
const BUNDLE = 0x84;
/** docs/strict-wire.md. */
const PACK = 0xa0;

/** Whole length of a message that only this implementation's processes know; null: it is none. */
function ownSizeOf(bytes: Buffer): number | null {
  if (bytes[7] === PACK) return packSizeOf(bytes);
  return bytes[7] === BUNDLE ? 8 * bytes.readUInt16BE(4) : (OWN_SIZES.get(bytes[7]) ?? null);
}

const OWN_SIZES: ReadonlyMap<number, number> = new Map([
  [0x80, 588],
  [0x88, 672],
  [0x81, 64],
  [0x82, 4176],
  [0x83, 80],
  [0x85, 64],
  [0x86, 80],
  [0x87, 48],
]);

/** The messages of the protocol in a bundle; those that only this implementation knows are left out. */
function inBundle(bundle: Buffer, { systemKey }: Keys): Received[] {
  const end = bundle.length - TAG_BYTES;
  const tagIsGood = tagOf(bundle.subarray(0, end), systemKey).equals(bundle.subarray(end));
  const received: Received[] = [];
  for (let at = 8; at < end;) {
    const rest = bundle.subarray(at);
    const size = sizeOf(rest) ?? OWN_SIZES.get(rest[7]);
    if (size === undefined) throw new Error(`a bundle with a message of type ${rest[7]}`);
    const bytes = Buffer.concat([rest.subarray(0, size - TAG_BYTES), Buffer.alloc(TAG_BYTES)]);
    if (!OWN_SIZES.has(rest[7])) received.push({ message: parse(bytes), tagIsGood });
    at += size - TAG_BYTES;
  }
  return received;
}

function receivePack(bytes: Buffer, { clientKey, systemKey }: Keys): ReceivedPack {
  const [content, tag] = [bytes.subarray(0, -TAG_BYTES), bytes.subarray(-TAG_BYTES)];
  const tagIsGood = [systemKey, clientKey].some((key) => tagOf(content, key).equals(tag));
  return { message: parsePack(bytes), tagIsGood };
}

/** What the bytes of one whole message, of a known type, say. */
export function receive(bytes: Buffer, keys: Keys): Received {
  const message = parse(bytes);
  const isOfClients = message.family === 'request' || message.family === 'response';
  const key = isOfClients ? keys.clientKey : keys.systemKey;
  const tag = bytes.subarray(-TAG_BYTES);
  return { message, tagIsGood: tagOf(bytes.subarray(0, -TAG_BYTES), key).equals(tag) };
}

/** Whole length of the message that starts here, by its first 8 bytes; null for a type unknown. */
export function sizeOf(bytes: Buffer): number | null {
  switch (bytes[7]) {
    case REQUEST_TYPES.READ:
    case REQUEST_TYPES.STATUS:
    case REQUEST_TYPES.SCRUB:
    case REQUEST_TYPES.MAP:
      return 56;
    case REQUEST_TYPES.WRITE:
      return 4152;
    case REQUEST_TYPES.READ + ANSWER:
    case REQUEST_TYPES.STATUS + ANSWER:
    case REQUEST_TYPES.SCRUB + ANSWER:
    case REQUEST_TYPES.MAP + ANSWER:
      return bytes[6] === 0 ? 4144 : 48;
    case REQUEST_TYPES.WRITE + ANSWER:
      return 48;
    case PROCESS_TYPES.READ_PROC:
    case PROCESS_TYPES.ACK:
      return 64;
    case PROCESS_TYPES.VALUE:
    case PROCESS_TYPES.WRITE_PROC:
      return 4176;
    case PROCESS_TYPES.READ_PROC + ANSWER:
    case PROCESS_TYPES.VALUE + ANSWER:
    case PROCESS_TYPES.WRITE_PROC + ANSWER:
    case PROCESS_TYPES.ACK + ANSWER:
      return 56;
    default:
      return null;
  }
}

function parse(bytes: Buffer): Message {
  const type = bytes[7];
  const asked = requestKindOf(type);
  if (asked !== null) {
    return {
      family: 'request',
      kind: asked,
      requestNumber: bytes.readBigUInt64BE(8),
      sector: bytes.readBigUInt64BE(16),
      data: asked === 'WRITE' ? bytes.subarray(24, 24 + SECTOR_BYTES) : null,
    };
  }
  const answered = requestKindOf(type - ANSWER);
  if (answered !== null) {
    return {
      family: 'response',
      kind: answered,
      status: statusOf(bytes[6]),
      requestNumber: bytes.readBigUInt64BE(8),
      data: bytes.length === 4144 ? bytes.subarray(16, 16 + SECTOR_BYTES) : null,
    };
  }
  const sender = bytes[6];
  const id = bytes.toString('hex', 8, 24);
  if (type > ANSWER) return { family: 'receipt', receiptFor: kindOf(type - ANSWER), sender, id };
  const register =
    bytes.length === 4176
      ? {
          timestamp: bytes.readBigUInt64BE(32),
          writeRank: bytes[47],
          data: bytes.subarray(48, 48 + SECTOR_BYTES),
        }
      : null;
  const sector = bytes.readBigUInt64BE(24);
  return { family: 'process', kind: kindOf(type), sender, id, sector, register };
}

function requestKindOf(type: number): RequestKind | null {
  for (const kind of ['READ', 'WRITE', 'STATUS', 'SCRUB', 'MAP'] as const) {
    if (REQUEST_TYPES[kind] === type) return kind;
  }
  return null;
}

function statusOf(code: number): Status {
  return code < STATUSES.length ? STATUSES[code] : `unknown ${code}`;
}

function codeOf(status: Status): number {
  const known = STATUSES.indexOf(status);
  return known === -1 ? Number(status.replace('unknown ', '')) : known;
}

function kindOf(type: number): ProcessKind {
  for (const kind of ['READ_PROC', 'VALUE', 'WRITE_PROC', 'ACK'] as const) {
    if (PROCESS_TYPES[kind] === type) return kind;
  }
  throw new Error(`no process message has type ${type}`);
}
