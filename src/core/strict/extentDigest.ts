/**
 * A digest of the stamps that are stored in an extent: equal where the stamps are. Two replicas compare their copies by
 * it. Others are found alike once in 2^64 times, which a scrub may overlook: nothing else rests on it. Pure.
 */
import type { SectorIndex } from '../sector.js';
import type { SectorRange } from './range.js';
import { endOf } from './range.js';
import type { CoordinatorId, Version } from './version.js';

/** What was last hashed: neighbours mostly have one coordinator. */
let lastCoordinator: CoordinatorId = '';
let lastLow = 0;
let lastHigh = 0;

/**
 * The sum, in two halves of 32 bits, of a hash of each written sector: its place and its stamp. Unwritten sectors add
 * nothing. The hash is made of the finalizer of MurmurHash3, with other constants for each half.
 *
 * @param range The extent, as far as the disk goes.
 * @returns 64 bits; 0n if nothing was written.
 */
export function digestOf(
  range: SectorRange,
  versionOf: (sector: SectorIndex) => Version,
): { readonly digest: bigint; readonly isWritten: boolean } {
  let low = 0;
  let high = 0;
  let isWritten = false;
  const { first } = range;
  for (let sector = first; sector < endOf(range); sector += 1) {
    const { stamp } = versionOf(sector);
    if (stamp.counter === 0n) continue;
    isWritten = true;
    if (stamp.coordinator !== lastCoordinator) hashCoordinator(stamp.coordinator);
    const counterLow = Number(stamp.counter & 0xffff_ffffn);
    const counterHigh = Number(stamp.counter >> 32n);
    const place = Math.imul(sector - first + 1, 0x9e37_79b1);
    low = (low + finalize(finalize(finalize(place ^ counterLow) ^ counterHigh) ^ lastLow)) >>> 0;
    high = (high + finalize(finalize(finalize(~place ^ counterHigh) ^ counterLow) ^ lastHigh)) >>> 0;
  }
  return { digest: (BigInt(high) << 32n) | BigInt(low), isWritten };
}

function hashCoordinator(coordinator: CoordinatorId): void {
  lastCoordinator = coordinator;
  lastLow = 0x1234_5678;
  lastHigh = 0x0765_4321;
  for (let index = 0; index < coordinator.length; index += 1) {
    const byte = coordinator.charCodeAt(index);
    lastLow = finalize(lastLow ^ byte);
    lastHigh = finalize(Math.imul(lastHigh, 31) ^ byte);
  }
}

function finalize(value: number): number {
  let hash = Math.imul(value ^ (value >>> 16), 0x85eb_ca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35);
  return hash ^ (hash >>> 16);
}
