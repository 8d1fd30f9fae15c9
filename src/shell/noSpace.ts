/** Tells "there is no room" from every other failure of a file: only the former is survivable. */

/** EFBIG: a limit on the size of a file (`ulimit -f`, or the file system's own) was reached. */
const CODES: ReadonlySet<unknown> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/** LevelDB passes on what strerror says of the same three. */
const TEXT = /No space left on device|Disk quota exceeded|File too large/;

export function isNoSpace(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if ('code' in error && CODES.has(error.code)) return true;
  return TEXT.test(error.message) || isNoSpace(error.cause);
}
