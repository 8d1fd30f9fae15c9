/**
 * Sectors that carry the name of the write that they come from and, where that is an update, of the write that it
 * replaced. Every byte follows from the two, so a torn, mixed or shifted sector has none.
 */
import type { Value } from '../../linearizability/history.js';
import type { RangeData } from '../../../src/core/strict/replicaMessage.js';
import { SECTOR_SIZE_BYTES } from '../../../src/core/sector.js';

const WORDS = SECTOR_SIZE_BYTES / 4;
const NUMBER_END = 2 ** 22;

/** Name of a write as a number: the client's life in the high 10 bits, its write in the low 22. 0: zeros. */
export type WriteName = number;

export const ZEROS: WriteName = 0;
/** Of a sector that no write can have written. */
export const DAMAGED: WriteName = -1;

export function writeNameOf(life: number, number: number): WriteName {
  return life * NUMBER_END + number;
}

/** For histories and traces. */
export function describeWrite(name: WriteName): Value {
  if (name === ZEROS) return null;
  if (name === DAMAGED) return 'a damaged sector';
  return `${Math.floor(name / NUMBER_END)}#${name % NUMBER_END}`;
}

const scratchWords = new Uint32Array(WORDS);
const scratch = new Uint8Array(scratchWords.buffer);

function fill(name: number, found: number): void {
  for (let index = 0; index < WORDS; index += 2) {
    scratchWords[index] = name ^ (index === 0 ? 0 : Math.imul(index, 0x9e37_79b1));
    scratchWords[index + 1] = found ^ (index === 0 ? 0 : Math.imul(index, 0x85eb_ca6b));
  }
}

/** `count` sectors of one write. @param found what an update has found; of any other write its own name. */
export function dataOf(name: WriteName, count: number, found: WriteName = name): RangeData {
  fill(name, found);
  const data = new Uint8Array(count * SECTOR_SIZE_BYTES);
  for (let at = 0; at < data.length; at += SECTOR_SIZE_BYTES) data.set(scratch, at);
  return data;
}

/** The name of a sector of the data, counted from 0. */
export function nameIn(data: RangeData, sector: number): WriteName {
  if (data === 'zeros') return ZEROS;
  const from = sector * SECTOR_SIZE_BYTES;
  const view = new DataView(data.buffer, data.byteOffset + from, SECTOR_SIZE_BYTES);
  const name = view.getUint32(0, true);
  const found = view.getUint32(4, true);
  if (name === ZEROS && found === ZEROS) scratch.fill(0);
  else fill(name, found);
  return Buffer.compare(data.subarray(from, from + SECTOR_SIZE_BYTES), scratch) === 0 ? name : DAMAGED;
}

/** Whether the first sector of the data is of an update. */
export function isOfUpdate(data: RangeData): boolean {
  if (data === 'zeros') return false;
  const view = new DataView(data.buffer, data.byteOffset, 8);
  return view.getUint32(0, true) !== view.getUint32(4, true);
}
