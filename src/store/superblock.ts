/**
 * The superblock says to which process a storage folder belongs. So a process never answers from the folder of another
 * one, and never takes an incomplete folder for a new one. It is text in the metadata, so that people can read it and
 * later versions can add to it.
 */
import type { Rank } from '../core/rank.js';
import { AtomicDiskError } from '../errors.js';

/**
 * The newest version of all formats in a storage folder (docs/storage.md describes each version). A folder of a newer
 * version is refused.
 */
export const STORE_FORMAT_VERSION = 4;

/**
 * The version of a folder that has versions of the base protocol alone. New folders have it, and older ones are
 * upgraded to it when they are opened. A folder gets the newest version when its process asks for the strict store.
 */
export const STORE_FORMAT_VERSION_BASE = 3;

const STORE_FORMAT_VERSION_OLDEST = 1;

/** Which process of which cluster a folder belongs to. */
export interface StoreIdentity {
  readonly cluster: string;
  readonly rank: Rank;
  readonly processCount: number;
  /** Sectors of the disk. May grow, never shrink. */
  readonly sectors: number;
}

export interface Superblock extends StoreIdentity {
  readonly formatVersion: number;
  /**
   * `creating`: written before the data file exists, so that an interrupted first start is not taken for a lost data
   * file. `ready`: the data file has to be there.
   */
  readonly phase: 'creating' | 'ready';
  /** Version of the program that created the folder; for people. */
  readonly createdBy: string;
}

export function encodeSuperblock(superblock: Superblock): Uint8Array {
  return Buffer.from(JSON.stringify(superblock));
}

/**
 * @throws {AtomicDiskError} ATDD_STORE_FORMAT for a version that this program does not know, else ATDD_STORE_CORRUPT.
 */
export function decodeSuperblock(bytes: Uint8Array, folder: string): Superblock {
  const fields = parseObject(bytes);
  const formatVersion = fields['formatVersion'];
  if (typeof formatVersion === 'number' && !isKnown(formatVersion)) {
    throw new AtomicDiskError(
      'ATDD_STORE_FORMAT',
      `${folder} has format version ${formatVersion}; this program knows the versions ` +
        `${STORE_FORMAT_VERSION_OLDEST} to ${STORE_FORMAT_VERSION}. Start the program that made ` +
        'it, or a newer one. Nothing was changed.',
    );
  }
  const { phase, cluster, rank, processCount, sectors, createdBy } = fields;
  if (
    typeof formatVersion === 'number' &&
    (phase === 'creating' || phase === 'ready') &&
    typeof cluster === 'string' &&
    typeof rank === 'number' &&
    typeof processCount === 'number' &&
    typeof sectors === 'number' &&
    typeof createdBy === 'string'
  ) {
    return { formatVersion, phase, cluster, rank, processCount, sectors, createdBy };
  }
  const found = Buffer.from(bytes).toString('utf8').slice(0, 200);
  throw new AtomicDiskError('ATDD_STORE_CORRUPT', `${folder}: unreadable superblock: ${found}`);
}

/**
 * Compares the superblock of the folder with this process.
 *
 * @returns the superblock, with the number of sectors of this process.
 * @throws {AtomicDiskError} ATDD_STORE_FOREIGN if the folder belongs to another process, or the disk would shrink.
 */
export function admitSuperblock(found: Superblock, expected: StoreIdentity, folder: string): Superblock {
  const differences: string[] = [];
  for (const field of ['cluster', 'rank', 'processCount'] as const) {
    if (found[field] !== expected[field]) {
      const hint = field === 'cluster' ? CLUSTER_HINT : '';
      differences.push(`${field}: found ${found[field]}, expected ${expected[field]}${hint}`);
    }
  }
  if (expected.sectors < found.sectors) {
    differences.push(`sectors: found ${found.sectors}, expected ${expected.sectors} (a disk can grow, not shrink)`);
  }
  if (differences.length > 0) {
    throw new AtomicDiskError(
      'ATDD_STORE_FOREIGN',
      `${folder} is not the storage of this process; ${differences.join('; ')}`,
    );
  }
  return { ...found, sectors: expected.sectors };
}

/** True unless the cluster's name is configured. */
const CLUSTER_HINT = ' (it follows from the system key: is that the right one?)';

function isKnown(version: number): boolean {
  return Number.isInteger(version) && version >= STORE_FORMAT_VERSION_OLDEST && version <= STORE_FORMAT_VERSION;
}

function parseObject(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch {
    // Not JSON: every field is missing then.
  }
  return {};
}
