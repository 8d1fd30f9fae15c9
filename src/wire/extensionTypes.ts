/**
 * The rows of the message table that are of this implementation alone (docs/peer-extension.md): types from 0x80 up,
 * which others skip.
 */
import { Parser } from 'binary-parser';
import type { AnyInquiry } from '../core/membership/memberMessage.js';
import { ENTRIES_MAX } from '../core/membership/memberMessage.js';
import { RANK_MAX } from '../core/rank.js';
import type { SectorData } from '../core/sector.js';
import { SECTOR_SIZE_BYTES } from '../core/sector.js';
import * as wire from './constants.js';
import type { MessageType } from './messageType.js';
import type { ExtensionMessage, WireMessage } from './wireMessage.js';

interface OldHelloFields {
  sender: number;
  storage: string;
  version: number;
  memberState: number;
  isKnown: number;
  incarnation: number;
  known: string;
}
interface IncarnationsFields {
  incarnations: number[];
}
interface ListFields {
  sender: number;
  id: string;
  from: bigint;
}
interface ListedFields extends ListFields {
  next: bigint;
  count: number;
  writtenHigh: number;
  writtenLow: number;
}
interface EntriesFields {
  entries: { sector: bigint; timestamp: bigint; writeRank: number }[];
}
interface LinkFields {
  sender: number;
  token: string;
  echo: string;
  features: number;
}
interface InquiryFields {
  requestNumber: bigint;
  from: bigint;
}
interface ReportFields {
  status: number;
  requestNumber: bigint;
  data: SectorData;
}

const TWO_TO_32 = 0x1_0000_0000;

/** See `toOperationId` in messageTypes.ts for why not a string field. */
function toText(this: unknown, bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}

const begin = () => new Parser().endianness('big');
const sent = () => begin().seek(wire.OFFSET_SENDER).uint8('sender').seek(1);
const idOf = (parser: Parser, name: string) => parser.buffer(name, { length: wire.ID_SIZE_BYTES, formatter: toText });

const oldHelloParser = idOf(
  idOf(sent(), 'storage').uint16('version').uint8('memberState').uint8('isKnown').uint32('incarnation'),
  'known',
);

const incarnationsParser = begin()
  .seek(wire.OFFSET_OLD_HELLO_INCARNATIONS)
  .array('incarnations', { type: 'uint16be', length: RANK_MAX });

const listParser = () => idOf(sent(), 'id').uint64('from');

const listedParser = listParser().uint64('next').uint16('count').uint16('writtenHigh').uint32('writtenLow');

const entriesParser = begin()
  .seek(wire.OFFSET_LISTED_ENTRIES)
  .array('entries', {
    type: begin().uint64('sector').uint64('timestamp').uint8('writeRank'),
    length: ENTRIES_MAX,
  });

const linkParser = idOf(idOf(sent(), 'token'), 'echo').uint16('features');

const reportParser = () => begin().seek(wire.OFFSET_STATUS).uint8('status').seek(1).uint64('requestNumber');

const typed =
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters
  <Fields>(parser: Parser) =>
    (frame: Uint8Array): Fields =>
      parser.parse(frame) as Fields;

const parseOldHello = typed<OldHelloFields>(oldHelloParser);
const parseIncarnations = typed<IncarnationsFields>(incarnationsParser);
const parseList = typed<ListFields>(listParser());
const parseListed = typed<ListedFields>(listedParser);
const parseEntries = typed<EntriesFields>(entriesParser);
const parseLink = typed<LinkFields>(linkParser);
const parseInquiry = typed<InquiryFields>(
  begin().seek(wire.OFFSET_REQUEST_NUMBER).uint64('requestNumber').uint64('from'),
);
const parseRefusal = typed<ReportFields>(reportParser());
const parseReport = typed<ReportFields>(reportParser().buffer('data', { length: SECTOR_SIZE_BYTES }));

function row(code: number, name: string, size: number, parse: (frame: Uint8Array) => ExtensionMessage): MessageType {
  return { code, name, sizeOf: () => size, parse };
}

export const MEMBER_MESSAGES: readonly MessageType[] = [
  row(wire.TYPE_OLD_HELLO, 'HELLO, version 1', wire.SIZE_OLD_HELLO, (frame) => {
    const { isKnown, known, ...fields } = parseOldHello(frame);
    const incarnations = (): number[] => parseIncarnations(frame).incarnations;
    return { family: 'oldHello', ...fields, known: isKnown === 1 ? known : null, incarnations };
  }),
  row(wire.TYPE_LIST, 'LIST', wire.SIZE_LIST, (frame) => ({
    family: 'list',
    ...parseList(frame),
  })),
  row(wire.TYPE_LISTED, 'LISTED', wire.SIZE_LISTED, (frame) => {
    const { sender, id, from, next, count, ...fields } = parseListed(frame);
    const entries = () =>
      parseEntries(frame)
        .entries.slice(0, count)
        .map(({ sector, timestamp, writeRank }) => ({ sector, stamp: { timestamp, writeRank } }));
    const written = fields.writtenHigh * TWO_TO_32 + fields.writtenLow;
    return { family: 'listed', sender, id, from, next, entries, written };
  }),
  row(wire.TYPE_LINK, 'LINK', wire.SIZE_LINK, (frame) => ({
    family: 'link',
    ...parseLink(frame),
  })),
];

const INQUIRY_CODES: readonly { code: number; name: string; inquiry: AnyInquiry }[] = [
  { code: wire.TYPE_STATUS, name: 'STATUS', inquiry: 'status' },
  { code: wire.TYPE_SCRUB, name: 'SCRUB', inquiry: 'scrub' },
  { code: wire.TYPE_MAP, name: 'MAP', inquiry: 'map' },
];

export const INQUIRIES: readonly MessageType[] = INQUIRY_CODES.map(({ code, name, inquiry }) =>
  row(code, name, wire.SIZE_INQUIRY, (frame) => ({
    family: 'inquiry',
    inquiry,
    ...parseInquiry(frame),
  })),
);

export const REPORTS: readonly MessageType[] = INQUIRY_CODES.map(({ code, name, inquiry }) => ({
  code: code + wire.TYPE_ANSWER,
  name: `answer to ${name}`,
  sizeOf: (bytes, at) =>
    bytes[at + wire.OFFSET_STATUS] === wire.STATUS_OK ? wire.SIZE_RESPONSE_DATA : wire.SIZE_RESPONSE,
  parse: (frame): WireMessage => {
    const carriesData = frame.length === wire.SIZE_RESPONSE_DATA;
    const fields = carriesData ? parseReport(frame) : parseRefusal(frame);
    const { status, requestNumber } = fields;
    return {
      family: 'report',
      inquiry,
      status,
      requestNumber,
      data: carriesData ? fields.data : null,
    };
  },
}));
