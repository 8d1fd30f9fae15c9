/**
 * The inquiries of this implementation's clients about a process itself, and the answers (docs/peer-extension.md):
 * STATUS, SCRUB and MAP. One table has all of them.
 */
import type { AnyInquiry } from '../core/membership/memberMessage.js';
import type { SectorData } from '../core/sector.js';
import { SECTOR_SIZE_BYTES } from '../core/sector.js';
import * as wire from './constants.js';
import { begin, typed, withData } from './fields.js';
import type { MessageType } from './messageType.js';
import { fixedSize } from './messageType.js';
import { beginMessage } from './serialize.js';
import type { Tagger } from './tag.js';

interface InquiryRow {
  readonly code: number;
  readonly name: string;
}

const INQUIRY_TABLE: Readonly<Record<AnyInquiry, InquiryRow>> = {
  status: { code: wire.TYPE_STATUS, name: 'STATUS' },
  scrub: { code: wire.TYPE_SCRUB, name: 'SCRUB' },
  map: { code: wire.TYPE_MAP, name: 'MAP' },
};

const ROWS = Object.entries(INQUIRY_TABLE) as [AnyInquiry, InquiryRow][];

const BY_CODE: ReadonlyMap<number, AnyInquiry> = new Map(ROWS.map(([inquiry, { code }]) => [code, inquiry]));

/** The inquiry with that type code; null: there is none. */
export function inquiryOf(code: number): AnyInquiry | null {
  return BY_CODE.get(code) ?? null;
}

interface InquiryFields {
  readonly requestNumber: bigint;
  /** The first sector of a map. Other inquiries do not use it. */
  readonly from: bigint;
}

export interface InquiryMessage extends InquiryFields {
  readonly family: 'inquiry';
  readonly inquiry: AnyInquiry;
}

export interface ReportMessage {
  readonly family: 'report';
  readonly inquiry: AnyInquiry;
  readonly status: number;
  readonly requestNumber: bigint;
  /** 4096 bytes: a text filled up with zeros, or a map. null: the status is not `ok`. */
  readonly data: SectorData | null;
}

type ReportFields = Pick<ReportMessage, 'status' | 'requestNumber'> & { readonly data: SectorData };

const parseInquiry = typed<InquiryFields>(
  begin().seek(wire.OFFSET_REQUEST_NUMBER).uint64('requestNumber').uint64('from'),
);
const report = () => begin().seek(wire.OFFSET_STATUS).uint8('status').seek(1).uint64('requestNumber');
const parseRefusal = typed<ReportFields>(report());
const parseReport = typed<ReportFields>(withData(report()));

export const INQUIRIES = ROWS.map(([inquiry, { code, name }]) =>
  fixedSize(code, name, wire.SIZE_INQUIRY, (frame): InquiryMessage => ({
    family: 'inquiry',
    inquiry,
    ...parseInquiry(frame),
  })),
);

export const REPORTS = ROWS.map(([inquiry, { code, name }]): MessageType<ReportMessage> => ({
  code: code + wire.TYPE_ANSWER,
  name: `answer to ${name}`,
  sizeOf: (bytes, at) =>
    bytes[at + wire.OFFSET_STATUS] === wire.STATUS_OK ? wire.SIZE_RESPONSE_DATA : wire.SIZE_RESPONSE,
  parse: (frame) => {
    const carriesData = frame.length === wire.SIZE_RESPONSE_DATA;
    const { status, requestNumber, data } = carriesData ? parseReport(frame) : parseRefusal(frame);
    return { family: 'report', inquiry, status, requestNumber, data: carriesData ? data : null };
  },
}));

export interface InquiryToSend {
  readonly inquiry: AnyInquiry;
  readonly requestNumber: bigint;
  /** The first sector of a map. Default 0. */
  readonly from?: number | undefined;
}

export function serializeInquiry({ inquiry, requestNumber, from = 0 }: InquiryToSend, tagger: Tagger): Buffer {
  const bytes = beginMessage(wire.SIZE_INQUIRY, 0, INQUIRY_TABLE[inquiry].code);
  bytes.writeBigUInt64BE(requestNumber, wire.OFFSET_REQUEST_NUMBER);
  bytes.writeBigUInt64BE(BigInt(from), wire.OFFSET_REQUEST_SECTOR);
  tagger.sign(bytes);
  return bytes;
}

/** @param content A text or a map, of at most 4096 bytes. null: the tag of the inquiry was wrong. */
export function serializeReport(
  inquiry: AnyInquiry,
  requestNumber: bigint,
  content: string | Uint8Array | null,
  tagger: Tagger,
): Buffer {
  const bytes = beginMessage(
    content === null ? wire.SIZE_RESPONSE : wire.SIZE_RESPONSE_DATA,
    content === null ? wire.STATUS_AUTH_FAILURE : wire.STATUS_OK,
    wire.TYPE_ANSWER + INQUIRY_TABLE[inquiry].code,
  );
  bytes.writeBigUInt64BE(requestNumber, wire.OFFSET_REQUEST_NUMBER);
  if (content !== null) {
    const at = wire.OFFSET_RESPONSE_DATA;
    bytes.fill(0, at);
    if (typeof content === 'string') bytes.write(content, at, SECTOR_SIZE_BYTES, 'utf8');
    else bytes.set(content, at);
  }
  tagger.sign(bytes);
  return bytes;
}
