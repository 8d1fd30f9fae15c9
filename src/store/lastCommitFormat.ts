/**
 * The bytes of the records that the last commit replaced (RecordBatch.replaced); recordFormat.ts lists all formats.
 * Each commit with data overwrites those of the commit before.
 */
import type { SectorRecord } from '../ports/blockFiles.js';
import { crc32Of } from './checksum.js';
import { NO_SLOT } from './slotMap.js';

export const LAST_COMMIT_KEY: Uint8Array = Uint8Array.of(0x05);

const HEAD_SIZE_BYTES = 8;
const ENTRY_SIZE_BYTES = 25;
const CHECK_SIZE_BYTES = 4;

const OFFSET_TIMESTAMP = 8;
const OFFSET_RANK = 16;
const OFFSET_SLOT = 17;
const OFFSET_CHECKSUM = 21;

export interface LastCommit {
  /** The number of the commit that wrote it. */
  readonly commitCount: number;
  readonly replaced: readonly SectorRecord[];
}

export function encodeLastCommit({ commitCount, replaced }: LastCommit): Uint8Array {
  const end = HEAD_SIZE_BYTES + replaced.length * ENTRY_SIZE_BYTES;
  const bytes = Buffer.allocUnsafe(end + CHECK_SIZE_BYTES);
  bytes.writeBigUInt64BE(BigInt(commitCount), 0);
  let at = HEAD_SIZE_BYTES;
  for (const { sector, stamp, slot, checksum } of replaced) {
    bytes.writeBigUInt64BE(BigInt(sector), at);
    bytes.writeBigUInt64BE(stamp.timestamp, at + OFFSET_TIMESTAMP);
    bytes[at + OFFSET_RANK] = stamp.writeRank;
    bytes.writeUInt32BE(slot ?? NO_SLOT, at + OFFSET_SLOT);
    bytes.writeUInt32BE(checksum, at + OFFSET_CHECKSUM);
    at += ENTRY_SIZE_BYTES;
  }
  bytes.writeUInt32BE(crc32Of(bytes.subarray(0, end)), end);
  return bytes;
}

/** @returns what was written, or null if the bytes are not what was written. */
export function decodeLastCommit(bytes: Uint8Array): LastCommit | null {
  const end = bytes.length - CHECK_SIZE_BYTES;
  const entryCount = (end - HEAD_SIZE_BYTES) / ENTRY_SIZE_BYTES;
  if (!Number.isInteger(entryCount) || entryCount < 0) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (view.getUint32(end) !== crc32Of(bytes.subarray(0, end))) return null;
  const replaced = Array.from({ length: entryCount }, (_, index): SectorRecord => {
    const at = HEAD_SIZE_BYTES + index * ENTRY_SIZE_BYTES;
    const timestamp = view.getBigUint64(at + OFFSET_TIMESTAMP);
    const slot = view.getUint32(at + OFFSET_SLOT);
    return {
      sector: Number(view.getBigUint64(at)),
      stamp: { timestamp, writeRank: view.getUint8(at + OFFSET_RANK) },
      slot: slot === NO_SLOT ? null : slot,
      checksum: view.getUint32(at + OFFSET_CHECKSUM),
    };
  });
  return { commitCount: Number(view.getBigUint64(0)), replaced };
}
