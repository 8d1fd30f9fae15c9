/** Puts a deliberate fault into the modules that are loaded from now on. */
import { register } from 'node:module';
import { tryEdits } from './applyEdits.js';
import { DELIBERATE_FAULTS } from './deliberateFaults.js';

/** This file runs as <dist>/test/sim/injectFault.js. */
export const DIST = new URL('../../', import.meta.url);

/** @throws {Error} if there is none of that name, or the code is not what it was made for. */
export function injectFault(name: string): void {
  const fault = DELIBERATE_FAULTS.find((one) => one.name === name);
  if (fault === undefined) {
    const names = DELIBERATE_FAULTS.map((one) => one.name).join(', ');
    throw new Error(`there is no deliberate fault "${name}"; there are: ${names}`);
  }
  tryEdits(fault.edits, DIST);
  const data = fault.edits.map((edit) => ({ ...edit, url: new URL(edit.file, DIST).href }));
  register('./faultHooks.js', import.meta.url, { data });
}
