/** Puts a deliberate fault into the modules that are loaded from now on. */
import { register } from 'node:module';
import { DELIBERATE_FAULTS } from './deliberateFaults.js';

/** This file runs as <dist>/test/sim/injectFault.js. */
const DIST = new URL('../../', import.meta.url);

/** @throws {Error} if there is none of that name. */
export function injectFault(name: string): void {
  const fault = DELIBERATE_FAULTS.find((one) => one.name === name);
  if (fault === undefined) {
    const names = DELIBERATE_FAULTS.map((one) => one.name).join(', ');
    throw new Error(`there is no deliberate fault "${name}"; there are: ${names}`);
  }
  const data = fault.edits.map((edit) => ({ ...edit, url: new URL(edit.file, DIST).href }));
  register('./faultHooks.js', import.meta.url, { data });
}
