/**
 * The table of message types. One row has the name of a type, the length of its messages, and the reader of their
 * fields. The frame decoder, the parser, logs and tests all use it.
 *
 * Rows read only complete frames: the frame has the length that `sizeOf` says before `parse` is called, because
 * binary-parser shortens a buffer field silently.
 */
import type { RegisterMessage } from '../core/message.js';
import type { OperationId } from '../core/operation.js';
import type { SectorData } from '../core/sector.js';
import * as wire from './constants.js';
import { bundleType } from './bundle.js';
import { INQUIRIES, REPORTS } from './inquiryMessages.js';
import { MEMBER_MESSAGES } from './memberMessages.js';
import { SHARD_MESSAGE } from './shardMessage.js';
import { HELLO_MESSAGE } from './helloMessage.js';
import { OPEN, OPENED } from './strict/openMessages.js';
import { PACK } from './strict/pack.js';
import { fixedSize } from './messageType.js';
import type { MessageType } from './messageType.js';
import type { WireMessage } from './wireMessage.js';
import { begin, identified, typed, withData } from './fields.js';
import type { ProcessWireMessage } from './processWireMessage.js';

interface RequestFields {
  requestNumber: bigint;
  sector: bigint;
  data: SectorData;
}
interface ResponseFields {
  status: number;
  requestNumber: bigint;
  data: SectorData;
}
interface ProcessFields {
  sender: number;
  id: OperationId;
  sector: bigint;
  timestamp: bigint;
  writeRank: number;
  data: SectorData;
}

const request = () => begin().seek(wire.OFFSET_REQUEST_NUMBER).uint64('requestNumber').uint64('sector');
const response = () =>
  begin()
    .seek(wire.OFFSET_STATUS)
    .uint8('status')
    .seek(wire.OFFSET_REQUEST_NUMBER - wire.OFFSET_TYPE)
    .uint64('requestNumber');
const process = () => identified().uint64('sector');
const stamped = () =>
  process()
    .uint64('timestamp')
    .seek(wire.OFFSET_WRITE_RANK - wire.OFFSET_TIMESTAMP - 8)
    .uint8('writeRank');

const parseRead = typed<RequestFields>(request());
const parseWrite = typed<RequestFields>(withData(request()));
const parseResponse = typed<ResponseFields>(response());
const parseResponseData = typed<ResponseFields>(withData(response()));
const parsePlain = typed<ProcessFields>(process());
const parseStamp = typed<ProcessFields>(stamped());
const parseStamped = typed<ProcessFields>(withData(stamped()));
const parseReceipt = typed<ProcessFields>(identified());

function processType(
  code: number,
  name: string,
  size: number,
  parse: (frame: Uint8Array) => ProcessFields,
  content: (fields: ProcessFields) => RegisterMessage,
): MessageType<ProcessWireMessage> {
  return fixedSize(code, name, size, (frame) => {
    const fields = parse(frame);
    return {
      family: 'process',
      sender: fields.sender,
      sector: fields.sector,
      content: content(fields),
    };
  });
}

const stamp = ({ timestamp, writeRank }: ProcessFields) => ({ timestamp, writeRank });

const REQUESTS: readonly MessageType<WireMessage>[] = [
  fixedSize(wire.TYPE_READ, 'READ', wire.SIZE_READ, (frame) => {
    const { requestNumber, sector } = parseRead(frame);
    return { family: 'request', request: 'read', requestNumber, sector, data: null };
  }),
  fixedSize(wire.TYPE_WRITE, 'WRITE', wire.SIZE_WRITE, (frame) => {
    const { requestNumber, sector, data } = parseWrite(frame);
    return { family: 'request', request: 'write', requestNumber, sector, data };
  }),
];

const PROCESS_MESSAGES: readonly MessageType<ProcessWireMessage>[] = [
  processType(wire.TYPE_READ_PROC, 'READ_PROC', wire.SIZE_PROCESS, parsePlain, ({ id }) => ({
    kind: 'readProc',
    id,
  })),
  processType(wire.TYPE_VALUE, 'VALUE', wire.SIZE_PROCESS_DATA, parseStamped, (fields) => ({
    kind: 'value',
    id: fields.id,
    stamp: stamp(fields),
    data: fields.data,
  })),
  processType(wire.TYPE_WRITE_PROC, 'WRITE_PROC', wire.SIZE_PROCESS_DATA, parseStamped, (fields) => ({
    kind: 'writeProc',
    id: fields.id,
    stamp: stamp(fields),
    data: fields.data,
  })),
  processType(wire.TYPE_ACK, 'ACK', wire.SIZE_PROCESS, parsePlain, ({ id }) => ({
    kind: 'ack',
    id,
  })),
];

/** Messages of the extension (docs/peer-extension.md). */
const STAMP_MESSAGES: readonly MessageType<ProcessWireMessage>[] = [
  processType(wire.TYPE_READ_STAMP, 'READ_STAMP', wire.SIZE_PROCESS, parsePlain, ({ id }) => ({
    kind: 'readStamp',
    id,
  })),
  processType(wire.TYPE_STAMP, 'STAMP', wire.SIZE_STAMP, parseStamp, (fields) => ({
    kind: 'stamp',
    id: fields.id,
    stamp: stamp(fields),
  })),
];

const REGISTER_MESSAGES: readonly MessageType<WireMessage>[] = [
  ...PROCESS_MESSAGES,
  ...STAMP_MESSAGES,
  bundleType([...PROCESS_MESSAGES, ...STAMP_MESSAGES]),
];

const RECEIPT_KINDS = [
  { code: wire.TYPE_READ_PROC, name: 'READ_PROC', receiptFor: 'readProc' },
  { code: wire.TYPE_VALUE, name: 'VALUE', receiptFor: 'value' },
  { code: wire.TYPE_WRITE_PROC, name: 'WRITE_PROC', receiptFor: 'writeProc' },
  { code: wire.TYPE_ACK, name: 'ACK', receiptFor: 'ack' },
] as const;

const RECEIPTS: readonly MessageType<WireMessage>[] = RECEIPT_KINDS.map(({ code, name, receiptFor }) =>
  fixedSize(code + wire.TYPE_ANSWER, `receipt of ${name}`, wire.SIZE_RECEIPT, (frame) => {
    const { sender, id } = parseReceipt(frame);
    return { family: 'receipt', sender, receiptFor, id };
  }),
);

const RESPONSES: readonly MessageType<WireMessage>[] = [
  {
    code: wire.TYPE_READ + wire.TYPE_ANSWER,
    name: 'response to READ',
    sizeOf: (bytes, at) =>
      bytes[at + wire.OFFSET_STATUS] === wire.STATUS_OK ? wire.SIZE_RESPONSE_DATA : wire.SIZE_RESPONSE,
    parse: (frame) => {
      const carriesData = frame.length === wire.SIZE_RESPONSE_DATA;
      const fields = carriesData ? parseResponseData(frame) : parseResponse(frame);
      const { status, requestNumber } = fields;
      const data = carriesData ? fields.data : null;
      return { family: 'response', request: 'read', status, requestNumber, data };
    },
  },
  fixedSize(wire.TYPE_WRITE + wire.TYPE_ANSWER, 'response to WRITE', wire.SIZE_RESPONSE, (frame) => {
    const { status, requestNumber } = parseResponse(frame);
    return { family: 'response', request: 'write', status, requestNumber, data: null };
  }),
];

/** The types that a receiver understands, by type code. It skips all others, as the protocol says. */
export type MessageTable = readonly (MessageType<WireMessage> | undefined)[];

function table(rows: readonly MessageType<WireMessage>[]): MessageTable {
  const byCode: (MessageType<WireMessage> | undefined)[] = Array.from({ length: 256 });
  for (const row of rows) byCode[row.code] = row;
  return byCode;
}

/** For a connection that was opened to this process, by a client or a peer: they share the port. */
export const SERVER_MESSAGES: MessageTable = table([
  ...REQUESTS,
  ...REGISTER_MESSAGES,
  ...RECEIPTS,
  ...MEMBER_MESSAGES,
  HELLO_MESSAGE,
  SHARD_MESSAGE,
  ...INQUIRIES,
  OPEN,
  PACK,
]);

/** For a connection that a process opened to a peer. */
export const PEER_MESSAGES: MessageTable = table([
  ...REGISTER_MESSAGES,
  ...RECEIPTS,
  ...MEMBER_MESSAGES,
  HELLO_MESSAGE,
  PACK,
]);

/** For a connection that a client opened to a process. */
export const CLIENT_MESSAGES: MessageTable = table([...RESPONSES, ...REPORTS, OPENED, PACK]);
