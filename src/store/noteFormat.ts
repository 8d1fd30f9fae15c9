/** The bytes of a note on the disk; recordFormat.ts lists all formats. */
import { crc32Of } from './checksum.js';
import type { EncodedRecord } from './recordFormat.js';

const NOTE_PREFIX = 0x04;
/** Notes are the keys from this one up … */
export const NOTE_KEY_MIN: Uint8Array = Uint8Array.of(NOTE_PREFIX);
/** … to below this one. */
export const NOTE_KEY_END: Uint8Array = Uint8Array.of(NOTE_PREFIX + 1);

const CHECK_SIZE_BYTES = 4;

export function encodeNote(name: string, bytes: Uint8Array): EncodedRecord {
  const key = Buffer.concat([NOTE_KEY_MIN, Buffer.from(name)]);
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
