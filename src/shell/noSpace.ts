/** Tells a want of room from every other failure of a file, because a process goes on only after the former. */

/** EFBIG: a limit on the size of a file (`ulimit -f`, or the file system's own) was reached. */
const CODES: ReadonlySet<unknown> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/** LevelDB passes on the texts of strerror for the same three errors. */
const TEXT = /No space left on device|Disk quota exceeded|File too large/;

export function isNoSpace(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if ('code' in error && CODES.has(error.code)) return true;
  return TEXT.test(error.message) || isNoSpace(error.cause);
}
