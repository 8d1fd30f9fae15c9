/** Makes new keys and writes them to files, both or none of them. */
import { randomBytes } from 'node:crypto';
import { existsSync, linkSync, lstatSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { KEY_SIZE_BYTES } from '../../config/keys.js';
import { AtomicDiskError } from '../errors.js';
import { describeFileError } from './fileError.js';

export interface WriteKeysOptions {
  readonly folder: string;
  /** Whether existing keys are replaced. */
  readonly force: boolean;
}

interface KeyFile {
  readonly path: string;
  readonly text: string;
}

/**
 * Writes client.key and system.key with mode 0600.
 * @returns their absolute paths
 * @throws {AtomicDiskError} ATDD_USAGE if a key exists and may not be replaced; ATDD_FILE_FAILED if they cannot be
 *   written. No key has changed then.
 */
export function writeKeys({ folder, force }: WriteKeysOptions): readonly string[] {
  const keys = (['client', 'system'] as const).map((name) => ({
    path: join(resolve(folder), `${name}.key`),
    text: `${randomBytes(KEY_SIZE_BYTES[name]).toString('hex')}\n`,
  }));
  const present = keys.filter(({ path }) => existsSync(path));
  if (present.length > 0 && !force) throw alreadyThere(present.map(({ path }) => path));
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    writeAll(keys, force);
  } catch (error) {
    if (error instanceof AtomicDiskError) throw error;
    const text = describeFileError(resolve(folder), error);
    throw new AtomicDiskError('ATDD_FILE_FAILED', text, { cause: error });
  }
  return keys.map(({ path }) => path);
}

/**
 * Writes a key to a file of another name first. So a key file is never half written, nor has the mode of an old one,
 * and a full disk is noticed before any key has its name.
 */
function writeAll(keys: readonly KeyFile[], force: boolean): void {
  const undos: (() => void)[] = [];
  try {
    for (const { path, text } of keys) {
      writeFileSync(draftOf(path), text, { mode: 0o600, flag: 'wx', flush: true });
    }
    for (const { path } of keys) undos.push(force ? replace(path) : add(path));
  } catch (error) {
    for (const undo of undos) undo();
    throw error;
  } finally {
    for (const { path } of keys) {
      rmSync(draftOf(path), { force: true });
      rmSync(backupOf(path), { force: true });
    }
  }
}

/** Gives a draft its name, which must be free. @returns a function that undoes it. */
function add(path: string): () => void {
  try {
    // Unlike a rename, a link does not replace what somebody else has put there meanwhile.
    linkSync(draftOf(path), path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw alreadyThere([path]);
    throw error;
  }
  return () => {
    rmSync(path);
  };
}

/** Gives a draft its name, in place of an existing file. @returns a function that undoes it. */
function replace(path: string): () => void {
  // Not existsSync, because a symbolic link that leads nowhere exists too.
  const isThere = lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  if (isThere) linkSync(path, backupOf(path));
  renameSync(draftOf(path), path);
  return () => {
    if (isThere) renameSync(backupOf(path), path);
    else rmSync(path);
  };
}

function draftOf(path: string): string {
  return `${path}.${process.pid}.new`;
}

function backupOf(path: string): string {
  return `${path}.${process.pid}.old`;
}

function alreadyThere(paths: readonly string[]): AtomicDiskError {
  const list = paths.join(' and ');
  return new AtomicDiskError(
    'ATDD_USAGE',
    `${list} would be replaced, and a cluster whose key is lost no longer talks: use --force`,
  );
}
