/** What the processes of a cluster have to agree on, and what it means if two of them do not. */
import type { StorageId } from './identity.js';

/** What a process was started with. */
export interface Configuration {
  /** N. */
  readonly processCount: number;
  /** Size of the disk in sectors. */
  readonly sectors: number;
  /** 16 bytes of a digest of the list of addresses, as latin1. */
  readonly addresses: string;
  /** Which protocol the members speak with each other: MODE_OPEN. */
  readonly mode: number;
}

export const ADDRESSES_DIGEST_SIZE_BYTES = 16;

/** The register of docs/register.md: foreign members may take part. */
export const MODE_OPEN = 0;

export const DIFFERENCE_FIELDS = [
  /** The peer takes this process for another one. */
  'addressee',
  /** Where this process dials the peer is another process. */
  'rank',
  'processes',
  'sectors',
  'addresses',
  'mode',
  'founding',
] as const;

/** One thing in which a peer differs from this process. Values are for people. */
export interface Difference {
  readonly field: (typeof DIFFERENCE_FIELDS)[number];
  /** What this process has or is, or takes the peer for. */
  readonly own: string | number;
  /** What the peer has or is, or takes this process for. */
  readonly peer: string | number;
}

/** Those for which nothing that the peer says may count here. */
const FATAL: ReadonlySet<Difference['field']> = new Set([
  ...(['addressee', 'rank', 'processes', 'mode', 'founding'] as const),
]);

export function isFatal({ field }: Difference): boolean {
  return FATAL.has(field);
}

/** @returns what is not the same, the most severe first; empty: they agree. */
export function differencesBetween(own: Configuration, peer: Configuration): Difference[] {
  const differences: Difference[] = [];
  if (own.processCount !== peer.processCount) {
    differences.push({ field: 'processes', own: own.processCount, peer: peer.processCount });
  }
  if (own.mode !== peer.mode) differences.push({ field: 'mode', own: own.mode, peer: peer.mode });
  if (own.sectors !== peer.sectors) {
    differences.push({ field: 'sectors', own: own.sectors, peer: peer.sectors });
  }
  if (own.addresses !== peer.addresses && own.processCount === peer.processCount) {
    const [ownDigest, peerDigest] = [inHex(own.addresses), inHex(peer.addresses)];
    differences.push({ field: 'addresses', own: ownDigest, peer: peerDigest });
  }
  return differences;
}

/** @returns null unless both are part of a cluster, and not of the same one. */
export function foundingDifference(own: StorageId | null, peer: StorageId | null): Difference | null {
  if (own === null || peer === null || own === peer) return null;
  return { field: 'founding', own: inHex(own), peer: inHex(peer) };
}

/** Eight digits are enough to tell two of them apart. */
function inHex(latin1: string): string {
  let hex = '';
  for (let index = 0; index < 4; index += 1) {
    hex += latin1.charCodeAt(index).toString(16).padStart(2, '0');
  }
  return hex;
}
