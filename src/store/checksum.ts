/**
 * Checksums of what the store keeps: CRC-32 from node:zlib, the only import from Node in the store's logic. It is a
 * pure function, so a simulation runs it as it is. It is no argument, because that would only add a way to open a store
 * with the wrong one.
 */
import { crc32 } from 'node:zlib';
import { assert } from '../core/assert.js';
import { SECTOR_SIZE_BYTES, type SectorData, type SectorIndex } from '../core/sector.js';
import { COORDINATOR_ID_SIZE_BYTES, type StrictStamp } from '../core/strict/version.js';
import { rankByteOf } from './baseStamps.js';

const OFFSET_COUNTER = 8;
const OFFSET_COORDINATOR = 16;

/** Reused, because a checksum is computed in one go. */
const header = new Uint8Array(OFFSET_COORDINATOR + COORDINATOR_ID_SIZE_BYTES);
const headerFields = new DataView(header.buffer);
const baseHeader = header.subarray(0, OFFSET_COORDINATOR + 1);

const TWO_TO_32 = 0x1_0000_0000;

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
 * that it also shows a write that the disk lost or put into another slot. It covers sector and origin as well, because
 * right data under a wrong sector or of another write must not pass. A new stamp for the same data does not change it.
 *
 * Of an origin of the base protocol it covers the timestamp and one byte for the rank, as it did before there were
 * others: so it holds for data that was written then.
 *
 * @param data 4096 bytes.
 */
export function checksumOf(sector: SectorIndex, origin: StrictStamp, data: SectorData): number {
  assert(data.length === SECTOR_SIZE_BYTES, 'a sector has 4096 bytes');
  headerFields.setUint32(0, Math.floor(sector / TWO_TO_32));
  headerFields.setUint32(4, sector >>> 0);
  headerFields.setBigUint64(OFFSET_COUNTER, origin.counter);
  const rankByte = rankByteOf(origin.coordinator);
  if (rankByte >= 0) {
    header[OFFSET_COORDINATOR] = rankByte;
    return crc32(data, crc32(baseHeader));
  }
  for (let index = 0; index < COORDINATOR_ID_SIZE_BYTES; index += 1) {
    header[OFFSET_COORDINATOR + index] = origin.coordinator.charCodeAt(index);
  }
  return crc32(data, crc32(header));
}
