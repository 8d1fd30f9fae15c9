/**
 * The bytes of the metadata on the disk, big-endian:
 *
 *   superblock   00             JSON (src/store/superblock.ts)
 *   record       01 sector(8)   timestamp(8) writeRank(1) slot(4) checksum(4) check(4)
 *   damage       02             why these metadata may not be used (src/shell/levelMetadata.ts)
 *   totals       03             commitCount(8) recordCount(8) checkSum(4) check(4)
 *   note         04 name        check(4) bytes (src/store/noteFormat.ts; the name in UTF-8)
 *   last commit  05             what it replaced (src/store/lastCommitFormat.ts)
 *
 * `slot` is ffffffff for a sector of zeros. `check` is the CRC-32 of the key and of the value before it. It is needed
 * because LevelDB does not verify its own checksums when it reads, and a rotten stamp would make this process forget or
 * refuse a value. The totals are written with every commit. Their `checkSum` is the sum of the checks of all records,
 * so that it shows a record that is missing or older than it should be.
 */
import { assert } from '../core/assert.js';
import type { SectorIndex } from '../core/sector.js';
import type { RecordTotals, SectorRecord } from '../ports/blockFiles.js';
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
const VALUE_SIZE_BYTES = 21;
const OFFSET_RANK = 8;
const OFFSET_SLOT = 9;
const OFFSET_CHECKSUM = 13;
const OFFSET_CHECK = 17;

assert(OFFSET_CHECK + 4 === VALUE_SIZE_BYTES, 'the check is the end of the value');

export interface EncodedRecord {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

export function recordKeyOf(sector: SectorIndex): Uint8Array {
  const key = Buffer.allocUnsafe(KEY_SIZE_BYTES);
  key[0] = RECORD_PREFIX;
  key.writeBigUInt64BE(BigInt(sector), 1);
  return key;
}

export function encodeRecord(record: SectorRecord): EncodedRecord {
  const key = recordKeyOf(record.sector);
  const value = Buffer.allocUnsafe(VALUE_SIZE_BYTES);
  value.writeBigUInt64BE(record.stamp.timestamp, 0);
  value[OFFSET_RANK] = record.stamp.writeRank;
  value.writeUInt32BE(record.slot ?? NO_SLOT, OFFSET_SLOT);
  value.writeUInt32BE(record.checksum, OFFSET_CHECKSUM);
  value.writeUInt32BE(crc32Of(value.subarray(0, OFFSET_CHECK), crc32Of(key)), OFFSET_CHECK);
  return { key, value };
}

/** Reused, because a check is computed in one go. */
const checked = Buffer.alloc(KEY_SIZE_BYTES + OFFSET_CHECK);

/** The check of a record, which is its part of the sum of all: 0 to 2^32 - 1. */
export function checkOf({ sector, stamp, slot, checksum }: SectorRecord): number {
  checked[0] = RECORD_PREFIX;
  checked.writeBigUInt64BE(BigInt(sector), 1);
  checked.writeBigUInt64BE(stamp.timestamp, KEY_SIZE_BYTES);
  checked[KEY_SIZE_BYTES + OFFSET_RANK] = stamp.writeRank;
  checked.writeUInt32BE(slot ?? NO_SLOT, KEY_SIZE_BYTES + OFFSET_SLOT);
  checked.writeUInt32BE(checksum, KEY_SIZE_BYTES + OFFSET_CHECKSUM);
  return crc32Of(checked);
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

/** @returns the record, or null if these are not the bytes that were written. */
export function decodeRecord(key: Uint8Array, value: Uint8Array): SectorRecord | null {
  if (key.length !== KEY_SIZE_BYTES || value.length !== VALUE_SIZE_BYTES) return null;
  const keyView = new DataView(key.buffer, key.byteOffset, key.length);
  const view = new DataView(value.buffer, value.byteOffset, value.length);
  const check = crc32Of(value.subarray(0, OFFSET_CHECK), crc32Of(key));
  if (check !== view.getUint32(OFFSET_CHECK)) return null;
  const slot = view.getUint32(OFFSET_SLOT);
  return {
    sector: Number(keyView.getBigUint64(1)),
    stamp: { timestamp: view.getBigUint64(0), writeRank: view.getUint8(OFFSET_RANK) },
    slot: slot === NO_SLOT ? null : slot,
    checksum: view.getUint32(OFFSET_CHECKSUM),
  };
}
