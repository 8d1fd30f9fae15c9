import { setTimeout as sleep } from 'node:timers/promises';

/** The value, or 'too late' if it has not come by then. */
export const within = <Value>(ms: number, value: Promise<Value>): Promise<Value | 'too late'> =>
  Promise.race([value, sleep(ms, 'too late' as const, { ref: false })]);
