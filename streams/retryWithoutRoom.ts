import type { MonoTypeOperatorFunction, SchedulerLike } from 'rxjs';
import { retry, timer } from 'rxjs';
import { NoSpace } from '../src/ports/blockFiles.js';

/** Milliseconds until a disk without room is tried again. */
export const FULL_RETRY_MS = 500;

/**
 * Subscribes to the source again as long as it fails for want of room on the disk.
 *
 * ```
 * source    -#                     fails with NoSpace
 * again           -(a|)            500 ms later
 * result    -------(a|)
 * ```
 *
 * Any other error is passed on at once.
 */
export function retryWithoutRoom<T>(clock: SchedulerLike): MonoTypeOperatorFunction<T> {
  return retry({
    delay: (error: unknown) => {
      if (error instanceof NoSpace) return timer(FULL_RETRY_MS, clock);
      throw error;
    },
  });
}
