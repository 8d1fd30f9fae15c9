import { setTimeout as sleep } from 'node:timers/promises';
import { HANG_MS } from './hang.js';

/** The value, or 'too late' if it has not come by then. */
export const within = <Value>(ms: number, value: Promise<Value>): Promise<Value | 'too late'> =>
  Promise.race([value, sleep(ms, 'too late' as const, { ref: false })]);

/** Looks now and then until it is so. @throws with the description if it never is. */
export async function untilSo(
  isSo: () => boolean | Promise<boolean>,
  describe: () => string = () => 'it never came to that',
): Promise<void> {
  const giveUpAt = performance.now() + HANG_MS;
  while (!(await isSo())) {
    if (performance.now() > giveUpAt) throw new Error(describe());
    await sleep(10);
  }
}
