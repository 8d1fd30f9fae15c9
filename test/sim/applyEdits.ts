/** Makes the edits of a deliberate fault in the text of compiled modules. */
import { existsSync, readFileSync } from 'node:fs';
import type { Edit } from './deliberateFault.js';

/** @throws {Error} unless what is to be replaced is there exactly once. */
export function applyEdit(source: string, { file, find, replace }: Edit): string {
  const pieces = source.split(find);
  if (pieces.length === 2) return pieces.join(replace);
  const found = `found ${pieces.length - 1} times in ${file}, expected once`;
  throw new Error(`the deliberate fault does not apply: "${find}" was ${found}`);
}

/**
 * Tries them all, before anything is loaded: a module that is never loaded would not complain.
 * @param dist Folder of the compiled code.
 * @throws {Error} if one of them does not apply, or its module is not there.
 */
export function tryEdits(edits: readonly Edit[], dist: URL): void {
  const sources = new Map<string, string>();
  for (const edit of edits) {
    const { file } = edit;
    const url = new URL(file, dist);
    if (!existsSync(url)) throw new Error(`the deliberate fault does not apply: there is no ${file}`);
    sources.set(file, applyEdit(sources.get(file) ?? readFileSync(url, 'utf8'), edit));
  }
}
