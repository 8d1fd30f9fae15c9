/** What all processes of a cluster must have the same, and what follows if two of them differ. */
import type { StorageId } from './identity.js';
import { nameOfMode } from './registerMode.js';

/** The configuration with which a process was started. */
export interface Configuration {
  /** N, the number of processes. */
  readonly processCount: number;
  /** Size of the disk in sectors. */
  readonly sectors: number;
  /** The first 16 bytes of a digest of the list of addresses, as latin1. */
  readonly addresses: string;
  /** How the members keep the registers: MODE_OPEN, MODE_STRICT, or a mode of a later version. */
  readonly mode: number;
}

export const ADDRESSES_DIGEST_SIZE_BYTES = 16;

export const DIFFERENCE_FIELDS = [
  /** The peer takes this process for another one. */
  'addressee',
  /** At the address where this process dials the peer, another process answers. */
  'rank',
  'processes',
  'sectors',
  'addresses',
  'mode',
  'founding',
] as const;

/** One thing in which a peer differs from this process. The values are for people. */
export interface Difference {
  readonly field: (typeof DIFFERENCE_FIELDS)[number];
  /** The value of this process; for `rank`, the rank that it takes the peer for. */
  readonly own: string | number;
  /** The value of the peer; for `addressee`, the rank that it takes this process for. */
  readonly peer: string | number;
}

/** With one of these differences, nothing that the peer says may count. */
const FATAL: ReadonlySet<Difference['field']> = new Set([
  ...(['addressee', 'rank', 'processes', 'mode', 'founding'] as const),
]);

export function isFatal({ field }: Difference): boolean {
  return FATAL.has(field);
}

/** @returns the differences, the most severe first; empty if the two are the same. */
export function differencesBetween(own: Configuration, peer: Configuration): Difference[] {
  const differences: Difference[] = [];
  if (own.processCount !== peer.processCount) {
    differences.push({ field: 'processes', own: own.processCount, peer: peer.processCount });
  }
  if (own.mode !== peer.mode) {
    differences.push({ field: 'mode', own: nameOfMode(own.mode), peer: nameOfMode(peer.mode) });
  }
  if (own.sectors !== peer.sectors) {
    differences.push({ field: 'sectors', own: own.sectors, peer: peer.sectors });
  }
  if (own.addresses !== peer.addresses && own.processCount === peer.processCount) {
    const [ownDigest, peerDigest] = [inHex(own.addresses), inHex(peer.addresses)];
    differences.push({ field: 'addresses', own: ownDigest, peer: peerDigest });
  }
  return differences;
}

/**
 * @returns the difference between two processes that are part of different clusters; null if one is part of none, or
 * both of the same.
 */
export function foundingDifference(own: StorageId | null, peer: StorageId | null): Difference | null {
  if (own === null || peer === null || own === peer) return null;
  return { field: 'founding', own: inHex(own), peer: inHex(peer) };
}

/** The first four bytes as eight digits: enough to tell two values apart. */
function inHex(latin1: string): string {
  let hex = '';
  for (let index = 0; index < 4; index += 1) {
    hex += latin1.charCodeAt(index).toString(16).padStart(2, '0');
  }
  return hex;
}
