/**
 * Checksums of what the store keeps: CRC-32 from node:zlib, the only import from Node in the store's logic. It is a
 * pure function, so a simulation runs it as it is. It is no argument, because that would only add a way to open a store
 * with the wrong one.
 */
import { crc32 } from 'node:zlib';
import { assert } from '../core/assert.js';
import { SECTOR_SIZE_BYTES, type SectorData, type SectorIndex } from '../core/sector.js';
import type { Stamp } from '../core/stamp.js';

const HEADER_SIZE_BYTES = 17;

/** Reused, because a checksum is computed in one go. */
const header = new Uint8Array(HEADER_SIZE_BYTES);
const headerFields = new DataView(header.buffer);

/**
 * CRC-32 of some bytes.
 * @param before The CRC-32 of the bytes before them. Default 0: there are none.
 * @returns 0 to 2^32 - 1.
 */
export function crc32Of(bytes: Uint8Array, before = 0): number {
  return crc32(bytes, before);
}

/**
 * The checksum that a slot's data has to match: 0 to 2^32 - 1. It is kept in the metadata and not beside the data, so
 * that it also shows a write that the disk lost or put into another slot. It covers sector and stamp as well, because
 * right data under a wrong sector or stamp must not pass.
 */
export function checksumOf(sector: SectorIndex, stamp: Stamp, data: SectorData): number {
  assert(data.length === SECTOR_SIZE_BYTES, `a sector has ${data.length} bytes`);
  headerFields.setBigUint64(0, BigInt(sector));
  headerFields.setBigUint64(8, stamp.timestamp);
  headerFields.setUint8(16, stamp.writeRank);
  return crc32(data, crc32(header));
}
