/** Values to bytes: each message into one buffer of its exact size, data copied once, tag last. */
import { unreachable } from '../core/assert.js';
import type {
  ClientRequest,
  ClientResponse,
  ProcessMessage,
  Receipt,
  RegisterMessageKind,
  ResponseStatus,
} from '../core/message.js';
import { MEMBER_STATES } from '../core/membership/identity.js';
import type { AnyInquiry, SignedMemberMessage, StampEntry } from '../core/membership/memberMessage.js';
import type { OperationId } from '../core/operation.js';
import { OPERATION_ID_SIZE_BYTES } from '../core/operation.js';
import { SECTOR_SIZE_BYTES } from '../core/sector.js';
import * as wire from './constants.js';
import type { Tagger } from './tag.js';

const TYPE_OF: Readonly<Record<RegisterMessageKind, number>> = {
  readProc: wire.TYPE_READ_PROC,
  value: wire.TYPE_VALUE,
  writeProc: wire.TYPE_WRITE_PROC,
  ack: wire.TYPE_ACK,
  readStamp: wire.TYPE_READ_STAMP,
  stamp: wire.TYPE_STAMP,
};

const STATUS_OF: Readonly<Record<ResponseStatus, number>> = {
  ok: wire.STATUS_OK,
  authFailure: wire.STATUS_AUTH_FAILURE,
  invalidSectorIndex: wire.STATUS_INVALID_SECTOR_INDEX,
};

const INQUIRY_TYPES: Readonly<Record<AnyInquiry, number>> = {
  status: wire.TYPE_STATUS,
  scrub: wire.TYPE_SCRUB,
  map: wire.TYPE_MAP,
};

/** A buffer with magic, the byte before the type, and the type; padding is zero. */
export function beginMessage(size: number, beforeType: number, type: number): Buffer {
  const bytes = Buffer.allocUnsafe(size);
  writeHeader(bytes, 0, beforeType, type);
  return bytes;
}

function writeHeader(bytes: Buffer, at: number, beforeType: number, type: number): void {
  bytes.set(wire.MAGIC, at);
  bytes[at + 4] = 0;
  bytes[at + 5] = 0;
  bytes[at + wire.OFFSET_STATUS] = beforeType;
  bytes[at + wire.OFFSET_TYPE] = type;
}

/** A request whose sector may be any u64, also one that no disk has. */
export type RequestToSend = Omit<ClientRequest, 'sector' | 'data'> & {
  readonly sector: number | bigint;
  readonly data?: Uint8Array;
};

export function serializeRequest(request: RequestToSend, tagger: Tagger): Buffer {
  const isWrite = request.kind === 'write';
  const bytes = beginMessage(isWrite ? wire.SIZE_WRITE : wire.SIZE_READ, 0, isWrite ? wire.TYPE_WRITE : wire.TYPE_READ);
  bytes.writeBigUInt64BE(request.requestNumber, wire.OFFSET_REQUEST_NUMBER);
  bytes.writeBigUInt64BE(BigInt(request.sector), wire.OFFSET_REQUEST_SECTOR);
  if (request.data !== undefined) bytes.set(request.data, wire.OFFSET_REQUEST_DATA);
  tagger.sign(bytes);
  return bytes;
}

export function serializeResponse(response: ClientResponse, tagger: Tagger): Buffer {
  const { data } = response;
  const bytes = beginMessage(
    data === null ? wire.SIZE_RESPONSE : wire.SIZE_RESPONSE_DATA,
    STATUS_OF[response.status],
    wire.TYPE_ANSWER + (response.request === 'read' ? wire.TYPE_READ : wire.TYPE_WRITE),
  );
  bytes.writeBigUInt64BE(response.requestNumber, wire.OFFSET_REQUEST_NUMBER);
  if (data !== null) bytes.set(data, wire.OFFSET_RESPONSE_DATA);
  tagger.sign(bytes);
  return bytes;
}

export function serializeProcessMessage(message: ProcessMessage, tagger: Tagger): Buffer {
  const size = processMessageSize(message.content.kind);
  const bytes = Buffer.allocUnsafe(size + wire.TAG_SIZE_BYTES);
  writeProcessMessage(bytes, 0, message);
  tagger.sign(bytes);
  return bytes;
}

/** In bytes, without the tag. */
export function processMessageSize(kind: RegisterMessageKind): number {
  switch (kind) {
    case 'readProc':
    case 'readStamp':
    case 'ack':
      return wire.OFFSET_TIMESTAMP;
    case 'stamp':
      return wire.OFFSET_PROCESS_DATA;
    case 'value':
    case 'writeProc':
      return wire.OFFSET_PROCESS_DATA + SECTOR_SIZE_BYTES;
    default:
      return unreachable(kind);
  }
}

/** All of the message but its tag, into `bytes` from `at` on. */
export function writeProcessMessage(bytes: Buffer, at: number, { sender, sector, content }: ProcessMessage): void {
  writeHeader(bytes, at, sender, TYPE_OF[content.kind]);
  writeOperationId(bytes, content.id, at);
  bytes.writeBigUInt64BE(BigInt(sector), at + wire.OFFSET_PROCESS_SECTOR);
  if (!('stamp' in content)) return;
  bytes.writeBigUInt64BE(content.stamp.timestamp, at + wire.OFFSET_TIMESTAMP);
  bytes.fill(0, at + wire.OFFSET_TIMESTAMP + 8, at + wire.OFFSET_WRITE_RANK);
  bytes[at + wire.OFFSET_WRITE_RANK] = content.stamp.writeRank;
  if ('data' in content) bytes.set(content.data, at + wire.OFFSET_PROCESS_DATA);
}

export function serializeReceipt(receipt: Receipt, tagger: Tagger): Buffer {
  const type = wire.TYPE_ANSWER + TYPE_OF[receipt.receiptFor];
  const bytes = beginMessage(wire.SIZE_RECEIPT, receipt.sender, type);
  writeOperationId(bytes, receipt.id);
  tagger.sign(bytes);
  return bytes;
}

function writeOperationId(bytes: Buffer, id: OperationId, at = 0): void {
  bytes.write(id, at + wire.OFFSET_OPERATION_ID, OPERATION_ID_SIZE_BYTES, 'latin1');
}

export function serializeMemberMessage({ sender, content }: SignedMemberMessage, tagger: Tagger): Buffer {
  let bytes: Buffer;
  switch (content.kind) {
    case 'oldHello':
      bytes = beginMessage(wire.SIZE_OLD_HELLO, sender, wire.TYPE_OLD_HELLO).fill(0, wire.HEADER_SIZE_BYTES);
      bytes.write(content.storage, wire.OFFSET_OLD_HELLO_STORAGE, 'latin1');
      bytes.writeUInt16BE(wire.OLD_HELLO_VERSION, wire.OFFSET_OLD_HELLO_VERSION);
      bytes[wire.OFFSET_OLD_HELLO_MEMBER_STATE] = MEMBER_STATES.indexOf(content.memberState);
      bytes[wire.OFFSET_OLD_HELLO_IS_KNOWN] = content.known === null ? 0 : 1;
      bytes.writeUInt32BE(content.incarnation, wire.OFFSET_OLD_HELLO_INCARNATION);
      bytes.write(content.known ?? '', wire.OFFSET_OLD_HELLO_KNOWN, 'latin1');
      content.incarnations.forEach((incarnation, index) => {
        bytes.writeUInt16BE(incarnation, wire.OFFSET_OLD_HELLO_INCARNATIONS + 2 * index);
      });
      break;
    case 'link':
      bytes = beginMessage(wire.SIZE_LINK, sender, wire.TYPE_LINK).fill(0, wire.HEADER_SIZE_BYTES);
      bytes.write(content.token, wire.OFFSET_LINK_TOKEN, 'latin1');
      bytes.write(content.echo, wire.OFFSET_LINK_ECHO, 'latin1');
      bytes.writeUInt16BE(content.features, wire.OFFSET_LINK_FEATURES);
      break;
    case 'list':
      bytes = beginMessage(wire.SIZE_LIST, sender, wire.TYPE_LIST);
      writeOperationId(bytes, content.id);
      bytes.writeBigUInt64BE(BigInt(content.from), wire.OFFSET_PROCESS_SECTOR);
      break;
    case 'listed':
      bytes = beginMessage(wire.SIZE_LISTED, sender, wire.TYPE_LISTED);
      bytes.fill(0, wire.OFFSET_LISTED_COUNT);
      writeOperationId(bytes, content.id);
      bytes.writeBigUInt64BE(BigInt(content.from), wire.OFFSET_PROCESS_SECTOR);
      bytes.writeBigUInt64BE(content.next === null ? wire.NO_NEXT : BigInt(content.next), wire.OFFSET_LISTED_NEXT);
      bytes.writeUIntBE(content.written, wire.OFFSET_LISTED_WRITTEN, 6);
      writeEntries(bytes, content.entries);
      break;
    default:
      return unreachable(content);
  }
  tagger.sign(bytes);
  return bytes;
}

function writeEntries(bytes: Buffer, entries: readonly StampEntry[]): void {
  bytes.writeUInt16BE(entries.length, wire.OFFSET_LISTED_COUNT);
  entries.forEach(({ sector, stamp }, index) => {
    const at = wire.OFFSET_LISTED_ENTRIES + index * wire.SIZE_LISTED_ENTRY;
    bytes.writeBigUInt64BE(BigInt(sector), at);
    bytes.writeBigUInt64BE(stamp.timestamp, at + 8);
    bytes[at + 16] = stamp.writeRank;
  });
}

export interface InquiryToSend {
  readonly inquiry: AnyInquiry;
  readonly requestNumber: bigint;
  /** Of a map. Default 0. */
  readonly from?: number | undefined;
}

export function serializeInquiry({ inquiry, requestNumber, from = 0 }: InquiryToSend, tagger: Tagger): Buffer {
  const bytes = beginMessage(wire.SIZE_INQUIRY, 0, INQUIRY_TYPES[inquiry]);
  bytes.writeBigUInt64BE(requestNumber, wire.OFFSET_REQUEST_NUMBER);
  bytes.writeBigUInt64BE(BigInt(from), wire.OFFSET_REQUEST_SECTOR);
  tagger.sign(bytes);
  return bytes;
}

/** @param content A text, or a map; at most 4096 bytes. null: the tag of the inquiry was wrong. */
export function serializeReport(
  inquiry: AnyInquiry,
  requestNumber: bigint,
  content: string | Uint8Array | null,
  tagger: Tagger,
): Buffer {
  const type = wire.TYPE_ANSWER + INQUIRY_TYPES[inquiry];
  const bytes = beginMessage(
    content === null ? wire.SIZE_RESPONSE : wire.SIZE_RESPONSE_DATA,
    content === null ? wire.STATUS_AUTH_FAILURE : wire.STATUS_OK,
    type,
  );
  bytes.writeBigUInt64BE(requestNumber, wire.OFFSET_REQUEST_NUMBER);
  if (content !== null) {
    bytes.fill(0, wire.OFFSET_RESPONSE_DATA);
    const at = wire.OFFSET_RESPONSE_DATA;
    if (typeof content === 'string') bytes.write(content, at, SECTOR_SIZE_BYTES, 'utf8');
    else bytes.set(content, at);
  }
  tagger.sign(bytes);
  return bytes;
}
