/**
 * Checksums of what the store keeps: CRC-32 from node:zlib, the one thing of Node that the store's logic imports. It is
 * a pure function (so a simulation runs it as it is), it is built in, and injecting it would only add a way to open a
 * store with the wrong one.
 */
import { crc32 } from 'node:zlib';
import { assert } from '../core/assert.js';
import { SECTOR_SIZE_BYTES, type SectorData, type SectorIndex } from '../core/sector.js';
import type { Stamp } from '../core/stamp.js';

const HEADER_SIZE_BYTES = 17;

/** Reused: a checksum is computed in one go. */
const header = new Uint8Array(HEADER_SIZE_BYTES);
const headerFields = new DataView(header.buffer);

/** CRC-32 of some bytes, going on from that of the bytes before them. */
export function crc32Of(bytes: Uint8Array, before = 0): number {
  return crc32(bytes, before);
}

/**
 * The checksum that a slot's data has to match. It stands in the metadata, not beside the data: so a write that the
 * disk lost, or sent to another slot, shows too. Sector and stamp are part of it, for right data under a wrong name
 * must not pass either.
 */
export function checksumOf(sector: SectorIndex, stamp: Stamp, data: SectorData): number {
  assert(data.length === SECTOR_SIZE_BYTES, `a sector has ${data.length} bytes`);
  headerFields.setBigUint64(0, BigInt(sector));
  headerFields.setBigUint64(8, stamp.timestamp);
  headerFields.setUint8(16, stamp.writeRank);
  return crc32(data, crc32(header));
}
