import { describeError } from '../errors.js';
import { describeUser } from '../surroundings.js';

const TEXTS: ReadonlyMap<string | undefined, string> = new Map([
  ['ENOENT', 'does not exist'],
  ['EACCES', `must not be accessed by ${describeUser()}`],
  ['EISDIR', 'is a folder'],
  ['ENOSPC', 'cannot be written: the file system is full'],
]);

/** Why a file that the user named cannot be used. */
export function describeFileError(path: string, error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  return `${path} ${TEXTS.get(code) ?? `cannot be used: ${describeError(error)}`}`;
}
