/** Module hooks that make the edits of a deliberate fault: see injectFault.ts. */
import type { LoadHook } from 'node:module';
import { applyEdit } from './applyEdits.js';
import type { Edit } from './deliberateFault.js';

let edits: readonly (Edit & { readonly url: string })[] = [];

export function initialize(given: typeof edits): void {
  edits = given;
}

export const load: LoadHook = async (url, context, nextLoad) => {
  const result = await nextLoad(url, context);
  const due = edits.filter((edit) => edit.url === url);
  if (due.length === 0) return result;
  let source = Buffer.from(result.source as Uint8Array).toString('utf8');
  for (const edit of due) source = applyEdit(source, edit);
  return { ...result, source };
};
