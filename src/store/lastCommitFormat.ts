/**
 * The bytes of the records that the last commit replaced (RecordBatch.replaced); recordFormat.ts lists all formats.
 * Each commit with data overwrites those of the commit before.
 *
 *   commitCount(8), for each: sector(8) body(17), check(4)                all bodies have the form `base`
 *   2^63 + commitCount(8), for each: sector(8) size(1) body, check(4)     some have not: format version 4
 */
import type { SectorRecord } from '../ports/blockFiles.js';
import { crc32Of } from './checksum.js';
import { BODY_SIZE_BASE, bodySizeOf, isBodySize, readBody, writeBody, writeSector } from './recordFormat.js';

export const LAST_COMMIT_KEY: Uint8Array = Uint8Array.of(0x05);

const HEAD_SIZE_BYTES = 8;
const SECTOR_SIZE_BYTES = 8;
const CHECK_SIZE_BYTES = 4;

/** In the highest byte of the head. */
const HAS_SIZES = 0x80;

export interface LastCommit {
  /** The number of the commit that wrote it. */
  readonly commitCount: number;
  readonly replaced: readonly SectorRecord[];
}

export function encodeLastCommit({ commitCount, replaced }: LastCommit): Uint8Array {
  const sizes = replaced.map(bodySizeOf);
  const isBase = sizes.every((size) => size === BODY_SIZE_BASE);
  const bodyAt = SECTOR_SIZE_BYTES + (isBase ? 0 : 1);
  const end = sizes.reduce((total, size) => total + bodyAt + size, HEAD_SIZE_BYTES);
  const bytes = new Uint8Array(end + CHECK_SIZE_BYTES);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(commitCount));
  if (!isBase) bytes[0] |= HAS_SIZES;
  let at = HEAD_SIZE_BYTES;
  replaced.forEach((record, index) => {
    const size = sizes[index];
    writeSector(view, at, record.sector);
    if (!isBase) bytes[at + SECTOR_SIZE_BYTES] = size;
    writeBody(view, at + bodyAt, record, size);
    at += bodyAt + size;
  });
  view.setUint32(end, crc32Of(bytes.subarray(0, end)));
  return bytes;
}

/** @returns what was written, or null if the bytes are not what was written. */
export function decodeLastCommit(bytes: Uint8Array): LastCommit | null {
  const end = bytes.length - CHECK_SIZE_BYTES;
  if (end < HEAD_SIZE_BYTES) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (view.getUint32(end) !== crc32Of(bytes.subarray(0, end))) return null;
  const isBase = (bytes[0] & HAS_SIZES) === 0;
  const bodyAt = SECTOR_SIZE_BYTES + (isBase ? 0 : 1);
  const replaced: SectorRecord[] = [];
  let at = HEAD_SIZE_BYTES;
  while (at + bodyAt <= end) {
    const size = isBase ? BODY_SIZE_BASE : bytes[at + SECTOR_SIZE_BYTES];
    if (!isBodySize(size) || at + bodyAt + size > end) return null;
    replaced.push(readBody(view, at + bodyAt, Number(view.getBigUint64(at)), size));
    at += bodyAt + size;
  }
  if (at !== end) return null;
  return { commitCount: Number(view.getBigUint64(0) & ~(BigInt(HAS_SIZES) << 56n)), replaced };
}
