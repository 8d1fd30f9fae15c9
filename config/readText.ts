/** Reads small text files. A file that cannot be read is a value, for the list of mistakes. */
import { readFileSync, statSync } from 'node:fs';
import { describeUser } from '../src/surroundings.js';

const FILE_SIZE_MAX_BYTES = 1_048_576;

/** Whether there is a file at that path that can be reached. Never throws. */
export function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    // It is not there, or in a folder that this user may not read.
    return false;
  }
}

type TextResult = { readonly kind: 'text'; readonly text: string } | { readonly kind: 'fault'; readonly found: string };

export function readText(path: string): TextResult {
  try {
    const status = statSync(path);
    if (status.isDirectory()) return { kind: 'fault', found: 'a folder' };
    if (status.size > FILE_SIZE_MAX_BYTES) {
      return { kind: 'fault', found: `${status.size} bytes, more than ${FILE_SIZE_MAX_BYTES}` };
    }
    // Some editors begin a file with a byte order mark.
    return { kind: 'text', text: readFileSync(path, 'utf8').replace(/^\uFEFF/, '') };
  } catch (error) {
    return { kind: 'fault', found: describeReadError(error) };
  }
}

function describeReadError(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === 'ENOENT' || code === 'ENOTDIR') return 'no such file';
  if (code === 'EACCES' || code === 'EPERM') return `a file that ${describeUser()} may not read`;
  return `a file that cannot be read (${code === '' ? String(error) : code})`;
}
