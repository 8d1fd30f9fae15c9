/** Bytes in a sector. The protocol fixes it; nothing else does. */
export const SECTOR_SIZE_BYTES = 4096;

/**
 * Index of a sector, 0 .. sectors-1. On the wire it is a u64; a message whose index is out of range is refused before
 * it gets here, so inside it is a safe integer: cheaper as a key than a bigint.
 */
export type SectorIndex = number;

/** Exactly SECTOR_SIZE_BYTES bytes. Never changed once it has been handed on. */
export type SectorData = Uint8Array;

/** The value of every sector that was never written. Shared: do not write to it. */
export const ZERO_SECTOR: SectorData = new Uint8Array(SECTOR_SIZE_BYTES);
