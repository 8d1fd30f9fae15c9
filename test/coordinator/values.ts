/** Contents of sectors that name the write that they come from. */
import type { RangeData } from '../../src/core/strict/replicaMessage.js';
import type { Value } from '../linearizability/history.js';

const SECTOR = 4096;

/** A sector that begins and ends with the name. */
export function sectorNamed(name: string): Uint8Array {
  const sector = Buffer.alloc(SECTOR);
  sector.write(name, 0, 'latin1');
  sector.write(name, SECTOR - name.length, 'latin1');
  return sector;
}

/** The names of consecutive sectors; null: zeros. What no write wrote has a name that no write has. */
export function namesIn(data: RangeData, count: number): Value[] {
  if (data === 'zeros') return Array.from({ length: count }, () => null);
  if (data.length !== count * SECTOR) throw new Error(`${data.length} bytes are not ${count} sectors`);
  return Array.from({ length: count }, (_, index) => {
    const sector = Buffer.from(data.subarray(index * SECTOR, (index + 1) * SECTOR));
    const end = sector.indexOf(0);
    if (end === 0) return sector.every((byte) => byte === 0) ? null : 'damaged';
    const name = sector.toString('latin1', 0, end);
    return Buffer.compare(sector, sectorNamed(name)) === 0 ? name : 'damaged';
  });
}
