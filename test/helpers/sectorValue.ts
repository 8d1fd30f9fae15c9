/**
 * Sector contents that carry the name of the write they come from, in a form that shows damage: a sector that is torn,
 * mixed or shifted has no name, and so no write that it could come from.
 */
import { createHash } from 'node:crypto';
import type { Value } from '../linearizability/history.js';
import { SECTOR_BYTES } from './bytes.js';

const NAME_BYTES = 64;

/** 4096 bytes: the name, then bytes that follow from it. */
export function sectorNamed(name: string): Buffer {
  const sector = Buffer.alloc(SECTOR_BYTES);
  if (sector.write(name, 'latin1') >= NAME_BYTES) throw new Error(`"${name}" is too long a name`);
  const noise = createHash('sha256').update(name).digest();
  for (let at = NAME_BYTES; at < SECTOR_BYTES; at += noise.length) {
    noise.copy(sector, at);
    // So that no two pieces of one sector are the same.
    sector.writeUInt32BE(at, at);
  }
  return sector;
}

/** The name of a sector's write; null for zeros; a description, which nobody wrote, for damage. */
export function nameOf(sector: Buffer): Value {
  if (sector.every((byte) => byte === 0)) return null;
  const end = sector.indexOf(0);
  const name = sector.toString('latin1', 0, Math.min(Math.max(end, 0), NAME_BYTES - 1));
  if (sectorNamed(name).equals(sector)) return name;
  return `damaged sector that begins like "${name}"`;
}
