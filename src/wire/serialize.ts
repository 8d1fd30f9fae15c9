/** Serializes values: each message into one buffer of its exact size. Data is copied once, and the tag is made last. */
import { unreachable } from '../core/assert.js';
import type {
  ClientRequest,
  ClientResponse,
  ProcessMessage,
  Receipt,
  RegisterMessageKind,
  ResponseStatus,
} from '../core/message.js';
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

/**
 * A new message with its header. All other bytes are not initialized.
 * @param size Bytes of the whole message.
 * @param beforeType The status, the sender's rank or 0: see OFFSET_STATUS.
 */
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

/** A request whose sector may be any u64, even one that no disk has. */
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

/** The size of the message in bytes, without the tag. */
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

/** Writes the message without its tag into `bytes`, from `at` on. */
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

export function writeOperationId(bytes: Buffer, id: OperationId, at = 0): void {
  bytes.write(id, at + wire.OFFSET_OPERATION_ID, OPERATION_ID_SIZE_BYTES, 'latin1');
}
