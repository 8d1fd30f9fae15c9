/**
 * The storage folder of a process with workers: the text file `workers` with their number, and a store for each in
 * `shard-0`, `shard-1` and so on. The number decides which sectors a store has, so it is fixed when the folder is made.
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  renameSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { AtomicDiskError } from '../errors.js';
import { openingTrouble } from './openStore.js';
import { syncFolder } from './slotFile.js';

const NOTE = 'workers';
const SHARD_FOLDER = /^shard-\d+$/;
/** The names in the folder of a store without workers (openStore.ts). */
const STORE_FILES = ['data.slots', 'metadata', 'acknowledged'];

export function shardFolder(folder: string, shard: number): string {
  return join(folder, `shard-${shard}`);
}

/**
 * Checks that the folder is for so many workers. A new folder is made for them, durably.
 * @param workers 0: for a process without workers, which makes its folder itself.
 * @throws {AtomicDiskError} ATDD_STORE_FOREIGN, ATDD_STORE_CORRUPT or ATDD_STORE_FAILED
 */
export function admitWorkers(folder: string, workers: number): void {
  try {
    const found = workersOf(folder);
    if (found === null) {
      if (workers > 0) noteWorkers(folder, workers);
    } else if (found !== workers) throw otherWorkers(folder, found, workers);
  } catch (error) {
    if (error instanceof AtomicDiskError) throw error;
    const message = `cannot open the storage folder ${folder}: ${openingTrouble(error)}`;
    throw new AtomicDiskError('ATDD_STORE_FAILED', message, { cause: error });
  }
}

/** The number of workers that the folder was made for; null: it is a new folder. */
function workersOf(folder: string): number | null {
  const names = existsSync(folder) ? readdirSync(folder) : [];
  const hasStore = STORE_FILES.some((name) => names.includes(name));
  const hasShards = names.some((name) => SHARD_FOLDER.test(name));
  if (!names.includes(NOTE)) {
    if (hasShards) throw corrupt(folder, `there are shards, but no file "${NOTE}"`);
    return hasStore ? 0 : null;
  }
  if (hasStore) throw corrupt(folder, `there is a file "${NOTE}", and a store without workers`);
  const text = readFileSync(join(folder, NOTE), 'utf8');
  if (!/^[1-9]\d?\n$/.test(text)) throw corrupt(folder, `the file "${NOTE}" cannot be read`);
  return Number(text);
}

/** Writes the number before anything else is in the folder: if that is cut short, the folder is still new. */
function noteWorkers(folder: string, workers: number): void {
  const first = mkdirSync(folder, { recursive: true, mode: 0o700 });
  const making = join(folder, `${NOTE}.new`);
  const file = openSync(making, 'w', 0o600);
  try {
    writeSync(file, `${workers}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(making, join(folder, NOTE));
  syncFolder(folder);
  if (first === undefined) return;
  for (let made = folder; made.length >= first.length; made = dirname(made)) {
    syncFolder(dirname(made));
  }
}

function otherWorkers(folder: string, found: number, expected: number): AtomicDiskError {
  return new AtomicDiskError(
    'ATDD_STORE_FOREIGN',
    `${folder} was made by a process with workers: ${found}; this one has workers: ${expected}. ` +
      'Their number cannot be changed in a folder: export the disk, make a new cluster with ' +
      'empty folders, import it. Nothing was changed.',
  );
}

function corrupt(folder: string, finding: string): AtomicDiskError {
  return new AtomicDiskError('ATDD_STORE_CORRUPT', `${folder}: ${finding}. Nothing was changed.`);
}
