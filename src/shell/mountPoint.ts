/** Checks that a path is on a file system that was mounted for it, and not on the root file system. */
import { readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { AtomicDiskError } from '../errors.js';

/**
 * To be called before anything is made at that path.
 * @throws {AtomicDiskError} ATDD_STORE_FAILED if neither the folder nor one above it, but the root, is a mount point.
 */
export function requireMount(storage: string): void {
  const folder = nearestFolder(resolve(storage));
  if (isBelowMount(folder, mountPoints())) return;
  throw new AtomicDiskError(
    'ATDD_STORE_FAILED',
    `the storage folder ${storage}: found no disk mounted there (${folder} is on the file system ` +
      'of /), expected one, since "storageMustBeMount" is set. Nothing was changed.',
  );
}

/** The existing part of the path, without symbolic links. */
function nearestFolder(path: string): string {
  for (let folder = path; ; folder = dirname(folder)) {
    if (statSync(folder, { throwIfNoEntry: false }) !== undefined) return realpathSync(folder);
    if (folder === dirname(folder)) return folder;
  }
}

function isBelowMount(folder: string, mounts: ReadonlySet<string> | null): boolean {
  for (let at = folder; at !== dirname(at); at = dirname(at)) {
    const isMount = mounts?.has(at) ?? statSync(at).dev !== statSync(dirname(at)).dev;
    if (isMount) return true;
  }
  return false;
}

/** The mount points that the system lists; null: it lists none, and device numbers are compared instead. */
function mountPoints(): ReadonlySet<string> | null {
  let table: string;
  try {
    table = readFileSync('/proc/self/mountinfo', 'utf8');
  } catch {
    return null;
  }
  const MOUNT_POINT = 4;
  const points = table.split('\n').flatMap((line) => line.split(' ')[MOUNT_POINT] ?? []);
  return new Set(points.map(unescaped));
}

/** The list has blanks, tabs, line ends and backslashes as octal numbers. */
function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));
}
