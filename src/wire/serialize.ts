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
import type { OperationId } from '../core/operation.js';
import { OPERATION_ID_SIZE_BYTES } from '../core/operation.js';
import * as wire from './constants.js';
import type { Tagger } from './tag.js';

const TYPE_OF: Readonly<Record<RegisterMessageKind, number>> = {
  readProc: wire.TYPE_READ_PROC,
  value: wire.TYPE_VALUE,
  writeProc: wire.TYPE_WRITE_PROC,
  ack: wire.TYPE_ACK,
};

const STATUS_OF: Readonly<Record<ResponseStatus, number>> = {
  ok: wire.STATUS_OK,
  authFailure: wire.STATUS_AUTH_FAILURE,
  invalidSectorIndex: wire.STATUS_INVALID_SECTOR_INDEX,
};

/** A buffer with magic, the byte before the type, and the type; padding is zero. */
function beginMessage(size: number, beforeType: number, type: number): Buffer {
  const bytes = Buffer.allocUnsafe(size);
  bytes.set(wire.MAGIC, 0);
  bytes[4] = 0;
  bytes[5] = 0;
  bytes[wire.OFFSET_STATUS] = beforeType;
  bytes[wire.OFFSET_TYPE] = type;
  return bytes;
}

/** A request whose sector may be any u64, also one that no disk has. */
export type RequestToSend = Omit<ClientRequest, 'sector' | 'data'> & {
  readonly sector: number | bigint;
  readonly data?: Uint8Array;
};

export function serializeRequest(request: RequestToSend, tagger: Tagger): Buffer {
  const isWrite = request.kind === 'write';
  const bytes = beginMessage(
    isWrite ? wire.SIZE_WRITE : wire.SIZE_READ,
    0,
    isWrite ? wire.TYPE_WRITE : wire.TYPE_READ,
  );
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
  const { content } = message;
  const type = TYPE_OF[content.kind];
  let bytes: Buffer;
  switch (content.kind) {
    case 'readProc':
    case 'ack':
      bytes = beginMessage(wire.SIZE_PROCESS, message.sender, type);
      break;
    case 'value':
    case 'writeProc':
      bytes = beginMessage(wire.SIZE_PROCESS_DATA, message.sender, type);
      bytes.writeBigUInt64BE(content.stamp.timestamp, wire.OFFSET_TIMESTAMP);
      bytes.fill(0, wire.OFFSET_TIMESTAMP + 8, wire.OFFSET_WRITE_RANK);
      bytes[wire.OFFSET_WRITE_RANK] = content.stamp.writeRank;
      bytes.set(content.data, wire.OFFSET_PROCESS_DATA);
      break;
    default:
      return unreachable(content);
  }
  writeOperationId(bytes, content.id);
  bytes.writeBigUInt64BE(BigInt(message.sector), wire.OFFSET_PROCESS_SECTOR);
  tagger.sign(bytes);
  return bytes;
}

export function serializeReceipt(receipt: Receipt, tagger: Tagger): Buffer {
  const type = wire.TYPE_ANSWER + TYPE_OF[receipt.receiptFor];
  const bytes = beginMessage(wire.SIZE_RECEIPT, receipt.sender, type);
  writeOperationId(bytes, receipt.id);
  tagger.sign(bytes);
  return bytes;
}

function writeOperationId(bytes: Buffer, id: OperationId): void {
  bytes.write(id, wire.OFFSET_OPERATION_ID, OPERATION_ID_SIZE_BYTES, 'latin1');
}
