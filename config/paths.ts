/** Paths as people write them into a configuration. */
import { join, resolve } from 'node:path';

export interface PathOptions {
  /** What they are relative to. */
  readonly folder: string;
  /** Null: there is none. */
  readonly home: string | null;
}

/** "~" and "~/x" are of the home folder. @returns the absolute path; null: it lacks a home. */
export function resolvePath(written: string, { folder, home }: PathOptions): string | null {
  if (written !== '~' && !written.startsWith('~/')) return resolve(folder, written);
  return home === null ? null : join(home, written.slice(1));
}
