/**
 * A file beside the storage folder that says it has been in use. A folder that is empty, but has such a file beside it,
 * is a lost disk, or a mount point without its disk: a process that starts on it may take part in the cluster that
 * there is, and must not take part in a new one (docs/adr/0022-first-start.md).
 */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Rank } from '../core/rank.js';
import type { Log } from '../ports/log.js';
import { syncFolder } from './slotFile.js';

/** The process to which a storage folder belongs. */
export interface StorageOwner {
  readonly cluster: string;
  readonly rank: Rank;
}

export function markerFile(storage: string): string {
  return `${resolve(storage)}.marker`;
}

/** Whether that process has been a member with this storage, or with what is mounted there. */
export function wasInUse(storage: string, { cluster, rank }: StorageOwner): boolean {
  const marker = readMarker(markerFile(storage));
  // Another cluster may have had the folder before.
  return marker !== null && marker.cluster === cluster && marker.rank === rank;
}

/**
 * Durable when it returns. Without the right to write, or without room, it logs a warning, because the process can run
 * without the marker.
 */
export function writeMarker(storage: string, { cluster, rank }: StorageOwner, log: Log): void {
  const file = markerFile(storage);
  const found = readMarker(file);
  if (found?.cluster === cluster && found.rank === rank) return;
  const note =
    'The storage folder beside this file is in use. If it is empty, its disk is lost or not ' +
    'mounted: no new cluster is founded on it. To begin anew, remove both.';
  const text = `${JSON.stringify({ cluster, rank, note }, null, 2)}\n`;
  const temporary = `${file}.new`;
  try {
    writeFileSync(temporary, text, { flush: true });
    renameSync(temporary, file);
    syncFolder(dirname(file));
  } catch (error) {
    rmSync(temporary, { force: true });
    const reason = error instanceof Error ? error.message : String(error);
    log.warn('no marker beside the storage folder: a missing mount would go unnoticed', {
      file,
      reason,
    });
  }
}

/** @returns null if there is none that can be read. */
function readMarker(file: string): StorageOwner | null {
  try {
    const value: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (typeof value !== 'object' || value === null) return null;
    const { cluster, rank } = value as Partial<Record<string, unknown>>;
    return typeof cluster === 'string' && typeof rank === 'number' ? { cluster, rank } : null;
  } catch {
    return null;
  }
}
