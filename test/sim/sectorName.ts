/**
 * Sectors that carry the name of the write that they come from: a client and the number of its request, which names one
 * *attempt* to write. Every eight bytes follow from the name, so a torn, mixed or shifted sector has none.
 */
import type { Value } from '../linearizability/history.js';

const SECTOR_BYTES = 4_096;
const WORDS = SECTOR_BYTES / 4;
const NUMBER_END = 2 ** 24;

/** Name of a write as a number: client in the high 8 bits, request in the low 24. 0: zeros. */
export type NameWord = number;

export const ZEROS: NameWord = 0;
/** Of a sector that no write can have written. */
export const DAMAGED: NameWord = -1;

const scratchWords = new Uint32Array(WORDS);
const scratch = new Uint8Array(scratchWords.buffer);

export function nameWordOf(client: number, requestNumber: bigint): NameWord {
  return client * NUMBER_END + (Number(requestNumber) % NUMBER_END);
}

/** For histories and traces. */
export function describeName(word: NameWord): Value {
  if (word === ZEROS) return null;
  if (word === DAMAGED) return 'a damaged sector';
  return `${Math.floor(word / NUMBER_END)}#${word % NUMBER_END}`;
}

function fill(word: NameWord): void {
  for (let index = 0; index < WORDS; index += 2) {
    scratchWords[index] = word;
    scratchWords[index + 1] = Math.imul(index + 1, 0x9e37_79b1) ^ word;
  }
}

/** Writes the sector of that name to `bytes`, from `offset` on. */
export function writeSector(word: NameWord, bytes: Uint8Array, offset: number): void {
  fill(word);
  bytes.set(scratch, offset);
}

export function sectorOf(word: NameWord): Uint8Array {
  const sector = new Uint8Array(SECTOR_BYTES);
  if (word !== ZEROS) writeSector(word, sector, 0);
  return sector;
}

/** The name of the 4096 bytes from `offset` on. */
export function nameOfSector(bytes: Uint8Array, offset = 0): NameWord {
  const sector = bytes.subarray(offset, offset + SECTOR_BYTES);
  const word = new DataView(sector.buffer, sector.byteOffset, 4).getUint32(0, true);
  if (word === 0) scratch.fill(0);
  else fill(word);
  return Buffer.compare(sector, scratch) === 0 ? word : DAMAGED;
}
