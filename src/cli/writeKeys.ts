/** Makes fresh keys and puts them into files, both or none of them. */
import { randomBytes } from 'node:crypto';
import { existsSync, linkSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { KEY_SIZE_BYTES } from '../../config/keys.js';
import { AtomicDiskError } from '../errors.js';

export interface WriteKeysOptions {
  readonly folder: string;
  /** Whether keys that are there already are replaced. */
  readonly force: boolean;
}

/**
 * Writes client.key and system.key with mode 0600.
 * @returns their absolute paths
 * @throws {AtomicDiskError} ATDD_USAGE if one is there and may not be replaced; then nothing
 * changed.
 */
export function writeKeys({ folder, force }: WriteKeysOptions): readonly string[] {
  const keys = (['client', 'system'] as const).map((name) => ({
    path: join(resolve(folder), `${name}.key`),
    text: `${randomBytes(KEY_SIZE_BYTES[name]).toString('hex')}\n`,
  }));
  const present = keys.filter(({ path }) => existsSync(path));
  if (present.length > 0 && !force) throw alreadyThere(present.map(({ path }) => path));
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (const { path, text } of keys) writeKey(path, text, force);
  return keys.map(({ path }) => path);
}

/**
 * Under another name first: a key file is never there half written or with the mode of an old one.
 */
function writeKey(path: string, text: string, force: boolean): void {
  const draft = `${path}.${process.pid}.new`;
  writeFileSync(draft, text, { mode: 0o600, flag: 'wx', flush: true });
  try {
    // Unlike a rename, a link does not replace what somebody else has put there meanwhile.
    if (force) renameSync(draft, path);
    else linkSync(draft, path);
  } finally {
    rmSync(draft, { force: true });
  }
}

function alreadyThere(paths: readonly string[]): AtomicDiskError {
  const list = paths.join(' and ');
  return new AtomicDiskError(
    'ATDD_USAGE',
    `${list} would be replaced, and a cluster whose key is lost no longer talks: use --force`,
  );
}
