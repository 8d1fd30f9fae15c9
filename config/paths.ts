/** Paths as they are written in a configuration. */
import { join, resolve } from 'node:path';

export interface PathOptions {
  /** The folder to which relative paths belong. */
  readonly folder: string;
  /** null: the user has no home folder. */
  readonly home: string | null;
}

/**
 * Resolves a path. "~" and "~/x" are in the home folder.
 * @returns the absolute path; null: the path needs a home folder, and there is none.
 */
export function resolvePath(written: string, { folder, home }: PathOptions): string | null {
  if (written !== '~' && !written.startsWith('~/')) return resolve(folder, written);
  return home === null ? null : join(home, written.slice(1));
}
