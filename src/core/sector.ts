/** Bytes in a sector, fixed by the protocol. */
export const SECTOR_SIZE_BYTES = 4096;

/**
 * Index of a sector, 0 to sectors - 1. On the wire it is a u64. A message with an index out of range is refused before
 * it gets here. So it is a safe integer, which is cheaper as a key than a bigint.
 */
export type SectorIndex = number;

/** Exactly SECTOR_SIZE_BYTES bytes. They never change once they were passed on. */
export type SectorData = Uint8Array;

/** The value of every sector that was never written. Shared: do not write to it. */
export const ZERO_SECTOR: SectorData = new Uint8Array(SECTOR_SIZE_BYTES);
