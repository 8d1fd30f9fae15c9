/**
 * The bytes of the metadata on the disk, big-endian:
 *
 *   superblock   00             JSON (src/store/superblock.ts)
 *   record       01 sector(8)   timestamp(8) writeRank(1) slot(4) checksum(4) check(4)
 *   damage       02             why these metadata may not be used (src/shell/levelMetadata.ts)
 *   note         03 name        check(4) bytes (src/ports/notes.ts; the name in UTF-8)
 *
 * `slot` is ffffffff for a sector of zeros. `check` is the CRC-32 of the key and of the value
 * without it: LevelDB has checksums of its own but does not verify them when it reads, and a stamp
 * that rotted would make this process forget, or refuse, a value.
 */
import { assert } from '../core/assert.js';
import type { SectorIndex } from '../core/sector.js';
import type { SectorRecord } from '../ports/blockFiles.js';
import { crc32Of } from './checksum.js';
import { NO_SLOT } from './slotMap.js';

export const SUPERBLOCK_KEY: Uint8Array = Uint8Array.of(0x00);

export const DAMAGE_KEY: Uint8Array = Uint8Array.of(0x02);

const RECORD_PREFIX = 0x01;
/** Records are the keys from this one up … */
export const RECORD_KEY_MIN: Uint8Array = Uint8Array.of(RECORD_PREFIX);
/** … to below this one. */
export const RECORD_KEY_END: Uint8Array = Uint8Array.of(RECORD_PREFIX + 1);

const NOTE_PREFIX = 0x03;
/** Notes are the keys from this one up … */
export const NOTE_KEY_MIN: Uint8Array = Uint8Array.of(NOTE_PREFIX);
/** … to below this one. */
export const NOTE_KEY_END: Uint8Array = Uint8Array.of(NOTE_PREFIX + 1);

const CHECK_SIZE_BYTES = 4;
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

export function noteKeyOf(name: string): Uint8Array {
  return Buffer.concat([NOTE_KEY_MIN, Buffer.from(name)]);
}

export function encodeNote(name: string, bytes: Uint8Array): EncodedRecord {
  const key = noteKeyOf(name);
  const value = Buffer.allocUnsafe(CHECK_SIZE_BYTES + bytes.length);
  value.set(bytes, CHECK_SIZE_BYTES);
  value.writeUInt32BE(crc32Of(bytes, crc32Of(key)), 0);
  return { key, value };
}

/** @returns the note, or null if these are not the bytes that were written. */
export function decodeNote(
  key: Uint8Array,
  value: Uint8Array,
): { readonly name: string; readonly bytes: Uint8Array } | null {
  if (value.length < CHECK_SIZE_BYTES) return null;
  const bytes = value.subarray(CHECK_SIZE_BYTES);
  const view = new DataView(value.buffer, value.byteOffset, value.length);
  if (view.getUint32(0) !== crc32Of(bytes, crc32Of(key))) return null;
  return { name: Buffer.from(key.subarray(1)).toString('utf8'), bytes };
}
