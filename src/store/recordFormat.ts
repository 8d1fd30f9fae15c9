/**
 * The bytes of the metadata on the disk, big-endian:
 *
 *   superblock   00             JSON (src/store/superblock.ts)
 *   record       01 sector(8)   version slot(4) checksum(4) check(4)
 *   damage       02             why these metadata may not be used (src/shell/levelMetadata.ts)
 *   totals       03             commitCount(8) recordCount(8) checkSum(4) check(4)
 *   note         04 name        check(4) bytes (src/store/noteFormat.ts; the name in UTF-8)
 *   last commit  05             what it replaced (src/store/lastCommitFormat.ts)
 *
 * The version has the first of these forms that can hold it, and its length says which:
 *
 *   base      timestamp(8) writeRank(1)                     a stamp of the base protocol, which is the origin as well
 *   written   counter(8) coordinator(16)                    the origin is the stamp
 *   settled   counter(8) coordinator(16)                    the stamp, and an origin that differs from it
 *             counter(8) coordinator(16)
 *
 * Format version 3 has the form `base` alone, so its records stay as they are when a folder becomes one of version 4.
 *
 * `slot` is ffffffff for a sector of zeros. `check` is the CRC-32 of the key and of the value before it. It is needed
 * because LevelDB does not verify its own checksums when it reads, and a rotten stamp would make this process forget or
 * refuse a value. The totals are written with every commit. Their `checkSum` is the sum of the checks of all records,
 * so that it shows a record that is missing or older than it should be.
 */
import type { SectorIndex } from '../core/sector.js';
import { COORDINATOR_ID_SIZE_BYTES, type StrictStamp } from '../core/strict/version.js';
import type { RecordTotals, SectorRecord } from '../ports/blockFiles.js';
import { coordinatorOfByte, isSameStamp, rankByteOf } from './baseStamps.js';
import { crc32Of } from './checksum.js';
import { NO_SLOT } from './slotMap.js';

export const SUPERBLOCK_KEY: Uint8Array = Uint8Array.of(0x00);

export const DAMAGE_KEY: Uint8Array = Uint8Array.of(0x02);

export const TOTALS_KEY: Uint8Array = Uint8Array.of(0x03);

const RECORD_PREFIX = 0x01;
/** Records are the keys from this one up … */
export const RECORD_KEY_MIN: Uint8Array = Uint8Array.of(RECORD_PREFIX);
/** … to below this one. */
export const RECORD_KEY_END: Uint8Array = Uint8Array.of(RECORD_PREFIX + 1);

const KEY_SIZE_BYTES = 9;
const CHECK_SIZE_BYTES = 4;
const COUNTER_SIZE_BYTES = 8;
const STAMP_SIZE_BYTES = COUNTER_SIZE_BYTES + COORDINATOR_ID_SIZE_BYTES;
const SLOT_SIZE_BYTES = 4;
const CHECKSUM_SIZE_BYTES = 4;

/** A body is a record without its sector: version, slot and checksum. These are its sizes in the three forms. */
const PLACE_SIZE_BYTES = SLOT_SIZE_BYTES + CHECKSUM_SIZE_BYTES;
export const BODY_SIZE_BASE = COUNTER_SIZE_BYTES + 1 + PLACE_SIZE_BYTES;
const BODY_SIZE_WRITTEN = STAMP_SIZE_BYTES + PLACE_SIZE_BYTES;
export const BODY_SIZE_MAX = 2 * STAMP_SIZE_BYTES + PLACE_SIZE_BYTES;

const TWO_TO_32 = 0x1_0000_0000;

export interface EncodedRecord {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** The size of the body of a record with this stamp and this origin. */
export function bodySizeOf({ stamp, origin }: Pick<SectorRecord, 'stamp' | 'origin'>): number {
  if (!isSameStamp(stamp, origin)) return BODY_SIZE_MAX;
  return rankByteOf(stamp.coordinator) >= 0 ? BODY_SIZE_BASE : BODY_SIZE_WRITTEN;
}

export function isBodySize(size: number): boolean {
  return size === BODY_SIZE_BASE || size === BODY_SIZE_WRITTEN || size === BODY_SIZE_MAX;
}

export function writeSector(view: DataView, at: number, sector: SectorIndex): void {
  view.setUint32(at, Math.floor(sector / TWO_TO_32));
  view.setUint32(at + 4, sector >>> 0);
}

/** Writes the body of a record, of the size that `bodySizeOf` says. */
export function writeBody(view: DataView, at: number, record: SectorRecord, size: number): void {
  const { stamp, origin, slot, checksum } = record;
  if (size === BODY_SIZE_BASE) {
    view.setBigUint64(at, stamp.counter);
    view.setUint8(at + COUNTER_SIZE_BYTES, rankByteOf(stamp.coordinator));
  } else {
    writeStamp(view, at, stamp);
    if (size === BODY_SIZE_MAX) writeStamp(view, at + STAMP_SIZE_BYTES, origin);
  }
  const place = at + size - PLACE_SIZE_BYTES;
  view.setUint32(place, slot ?? NO_SLOT);
  view.setUint32(place + SLOT_SIZE_BYTES, checksum);
}

/** Reads a body of that size, which must be one of the three. */
export function readBody(view: DataView, at: number, sector: SectorIndex, size: number): SectorRecord {
  const stamp =
    size === BODY_SIZE_BASE
      ? { counter: view.getBigUint64(at), coordinator: coordinatorOfByte(view.getUint8(at + COUNTER_SIZE_BYTES)) }
      : readStamp(view, at);
  const origin = size === BODY_SIZE_MAX ? readStamp(view, at + STAMP_SIZE_BYTES) : stamp;
  const place = at + size - PLACE_SIZE_BYTES;
  const slot = view.getUint32(place);
  const checksum = view.getUint32(place + SLOT_SIZE_BYTES);
  return { sector, stamp, origin, slot: slot === NO_SLOT ? null : slot, checksum };
}

function writeStamp(view: DataView, at: number, { counter, coordinator }: StrictStamp): void {
  view.setBigUint64(at, counter);
  const start = at + COUNTER_SIZE_BYTES;
  for (let index = 0; index < COORDINATOR_ID_SIZE_BYTES; index += 1) {
    view.setUint8(start + index, coordinator.charCodeAt(index));
  }
}

function readStamp(view: DataView, at: number): StrictStamp {
  const id = Buffer.from(view.buffer, view.byteOffset + at + COUNTER_SIZE_BYTES, COORDINATOR_ID_SIZE_BYTES);
  return { counter: view.getBigUint64(at), coordinator: id.toString('latin1') };
}

export function recordKeyOf(sector: SectorIndex): Uint8Array {
  const key = new Uint8Array(KEY_SIZE_BYTES);
  key[0] = RECORD_PREFIX;
  writeSector(new DataView(key.buffer), 1, sector);
  return key;
}

/** Key and body of a record, one behind the other. Reused, because a check is computed in one go. */
const checked = new Uint8Array(KEY_SIZE_BYTES + BODY_SIZE_MAX);
const checkedFields = new DataView(checked.buffer);
checked[0] = RECORD_PREFIX;

/** The beginnings of `checked` with a body of each form. */
const checkedParts: ReadonlyMap<number, Uint8Array> = new Map(
  [BODY_SIZE_BASE, BODY_SIZE_WRITTEN, BODY_SIZE_MAX].map((size) => [size, checked.subarray(0, KEY_SIZE_BYTES + size)]),
);

/** @returns the beginning of `checked` with key and body of the record. */
function writeChecked(record: SectorRecord): Uint8Array {
  const size = bodySizeOf(record);
  writeSector(checkedFields, 1, record.sector);
  writeBody(checkedFields, KEY_SIZE_BYTES, record, size);
  return checkedParts.get(size) ?? checked;
}

/** The check of a record, which is its part of the sum of all: 0 to 2^32 - 1. */
export function checkOf(record: SectorRecord): number {
  return crc32Of(writeChecked(record));
}

/** Keys and values of the records of a commit: all of them are in one piece of memory. */
export function encodeRecords(records: readonly SectorRecord[]): EncodedRecord[] {
  const bytes = new Uint8Array(records.length * (KEY_SIZE_BYTES + BODY_SIZE_MAX + CHECK_SIZE_BYTES));
  const view = new DataView(bytes.buffer);
  const encoded: EncodedRecord[] = [];
  let at = 0;
  for (const record of records) {
    const part = writeChecked(record);
    bytes.set(part, at);
    view.setUint32(at + part.length, crc32Of(part));
    const end = at + part.length + CHECK_SIZE_BYTES;
    encoded.push({ key: bytes.subarray(at, at + KEY_SIZE_BYTES), value: bytes.subarray(at + KEY_SIZE_BYTES, end) });
    at = end;
  }
  return encoded;
}

/** @returns the record, or null if these are not the bytes that were written. */
export function decodeRecord(key: Uint8Array, value: Uint8Array): SectorRecord | null {
  const size = value.length - CHECK_SIZE_BYTES;
  if (key.length !== KEY_SIZE_BYTES || !isBodySize(size)) return null;
  const keyView = new DataView(key.buffer, key.byteOffset, key.length);
  const view = new DataView(value.buffer, value.byteOffset, value.length);
  if (crc32Of(value.subarray(0, size), crc32Of(key)) !== view.getUint32(size)) return null;
  return readBody(view, 0, Number(keyView.getBigUint64(1)), size);
}

const TOTALS_SIZE_BYTES = 24;
const TOTALS_CHECK_OFFSET = 20;

export function encodeTotals({ commitCount, recordCount, checkSum }: RecordTotals): Uint8Array {
  const bytes = Buffer.alloc(TOTALS_SIZE_BYTES);
  bytes.writeBigUInt64BE(BigInt(commitCount), 0);
  bytes.writeBigUInt64BE(BigInt(recordCount), 8);
  bytes.writeUInt32BE(checkSum, 16);
  bytes.writeUInt32BE(crc32Of(bytes.subarray(0, TOTALS_CHECK_OFFSET)), TOTALS_CHECK_OFFSET);
  return bytes;
}

/** @returns the totals, or null if these are not the bytes that were written. */
export function decodeTotals(bytes: Uint8Array): RecordTotals | null {
  if (bytes.length !== TOTALS_SIZE_BYTES) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const check = crc32Of(bytes.subarray(0, TOTALS_CHECK_OFFSET));
  if (check !== view.getUint32(TOTALS_CHECK_OFFSET)) return null;
  return {
    commitCount: Number(view.getBigUint64(0)),
    recordCount: Number(view.getBigUint64(8)),
    checkSum: view.getUint32(16),
  };
}
