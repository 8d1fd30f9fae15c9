/** LIST and LISTED (docs/peer-extension.md): they ask and say which sectors a process has, with which stamps. */
import type { MemberMessage, StampEntry } from '../core/membership/memberMessage.js';
import { ENTRIES_MAX } from '../core/membership/memberMessage.js';
import type { OperationId } from '../core/operation.js';
import type { Rank } from '../core/rank.js';
import type { Stamp } from '../core/stamp.js';
import { TIMESTAMP_REFUSED } from '../core/stamp.js';
import * as wire from './constants.js';
import { begin, identified, typed } from './fields.js';
import { fixedSize } from './messageType.js';
import { beginMessage, writeOperationId } from './serialize.js';
import type { Tagger } from './tag.js';

export type List = Extract<MemberMessage, { kind: 'list' }>;
export type Listed = Extract<MemberMessage, { kind: 'listed' }>;

interface ListFields {
  /** Any byte. */
  readonly sender: number;
  readonly id: OperationId;
  readonly from: bigint;
}

export interface ListMessage extends ListFields {
  readonly family: 'list';
}

export interface ListedMessage extends ListFields {
  readonly family: 'listed';
  readonly next: bigint;
  readonly entries: () => readonly { readonly sector: bigint; readonly stamp: Stamp }[];
  readonly written: number;
}

interface ListedFields extends ListFields {
  readonly next: bigint;
  readonly count: number;
  readonly writtenHigh: number;
  readonly writtenLow: number;
}

interface EntriesFields {
  readonly entries: readonly { readonly sector: bigint; readonly timestamp: bigint; readonly writeRank: number }[];
}

const TWO_TO_32 = 0x1_0000_0000;

const list = () => identified().uint64('from');

const parseList = typed<ListFields>(list());

const parseListed = typed<ListedFields>(
  list().uint64('next').uint16('count').uint16('writtenHigh').uint32('writtenLow'),
);

const parseEntries = typed<EntriesFields>(
  begin()
    .seek(wire.OFFSET_LISTED_ENTRIES)
    .array('entries', { type: begin().uint64('sector').uint64('timestamp').uint8('writeRank'), length: ENTRIES_MAX }),
);

export const LIST = fixedSize(wire.TYPE_LIST, 'LIST', wire.SIZE_LIST, (frame): ListMessage => ({
  family: 'list',
  ...parseList(frame),
}));

export const LISTED = fixedSize(wire.TYPE_LISTED, 'LISTED', wire.SIZE_LISTED, (frame): ListedMessage => {
  const { sender, id, from, next, count, writtenHigh, writtenLow } = parseListed(frame);
  const entries: ListedMessage['entries'] = () =>
    parseEntries(frame)
      .entries.slice(0, count)
      .map(({ sector, timestamp, writeRank }) => ({ sector, stamp: { timestamp, writeRank } }));
  return { family: 'listed', sender, id, from, next, entries, written: writtenHigh * TWO_TO_32 + writtenLow };
});

/** @param sectors The size of this process's disk. A peer with a larger disk may ask for sectors beyond the end. */
export function readList({ id, from }: ListMessage, sectors: bigint): List {
  return { kind: 'list', id, from: Number(from < sectors ? from : sectors) };
}

/**
 * The part of a list that is about sectors of this process, because the disk of its sender may be larger.
 * @returns null if a field is out of its range.
 */
export function readListed(message: ListedMessage, sectors: bigint): Listed | null {
  const { id, from, next, written } = message;
  if (from > sectors || next <= from) return null;
  const entries = message.entries();
  const isWrong = ({ sector, stamp }: (typeof entries)[number]): boolean =>
    sector < from || sector >= next || stamp.timestamp >= TIMESTAMP_REFUSED;
  if (entries.some(isWrong)) return null;
  return {
    kind: 'listed',
    id,
    from: Number(from),
    // NO_NEXT is beyond every disk.
    next: next > sectors ? null : Number(next),
    entries: entries
      .filter(({ sector }) => sector < sectors)
      .map(({ sector, stamp }) => ({ sector: Number(sector), stamp })),
    written,
  };
}

export function serializeList(sender: Rank, { id, from }: List, tagger: Tagger): Buffer {
  const bytes = beginMessage(wire.SIZE_LIST, sender, wire.TYPE_LIST);
  writeOperationId(bytes, id);
  bytes.writeBigUInt64BE(BigInt(from), wire.OFFSET_PROCESS_SECTOR);
  tagger.sign(bytes);
  return bytes;
}

export function serializeListed(sender: Rank, { id, from, next, entries, written }: Listed, tagger: Tagger): Buffer {
  const bytes = beginMessage(wire.SIZE_LISTED, sender, wire.TYPE_LISTED);
  bytes.fill(0, wire.OFFSET_LISTED_COUNT);
  writeOperationId(bytes, id);
  bytes.writeBigUInt64BE(BigInt(from), wire.OFFSET_PROCESS_SECTOR);
  bytes.writeBigUInt64BE(next === null ? wire.NO_NEXT : BigInt(next), wire.OFFSET_LISTED_NEXT);
  bytes.writeUIntBE(written, wire.OFFSET_LISTED_WRITTEN, 6);
  writeEntries(bytes, entries);
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
