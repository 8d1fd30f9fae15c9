import { COUNTER_REFUSED } from '../core/strict/version.js';

/** No stamp is left above those that were heard of. Carries that through the code that wanted to draw one. */
export class CountersUsedUp extends Error {
  override readonly name = 'CountersUsedUp';

  constructor(counter: bigint) {
    super(`the next stamp would have the counter ${counter}, and counters are below ${COUNTER_REFUSED}`);
  }
}
