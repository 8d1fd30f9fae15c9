/** How long a task pauses. Pure. */
import type { TaskEffect } from '../core/strict/task.js';
import type { PauseLimits } from './coordinatorLimits.js';

type Pause = TaskEffect & { readonly kind: 'pause' };

/**
 * @param fraction A random number in [0, 1).
 * @returns the length in milliseconds: a base that doubles with each attempt up to a bound, times 0.5 to 1.5, so that
 * coordinators that have met do not meet again.
 */
export function pauseMs({ reason, attempt }: Pause, limits: PauseLimits, fraction: number): number {
  const { firstMs, maxMs } = limits[reason];
  return Math.min(maxMs, firstMs * 2 ** (attempt - 1)) * (0.5 + fraction);
}
