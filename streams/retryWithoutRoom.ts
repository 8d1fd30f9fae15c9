import type { MonoTypeOperatorFunction, SchedulerLike } from 'rxjs';
import { retry, timer } from 'rxjs';
import { NoSpace } from '../src/ports/blockFiles.js';

/** A disk without room is tried again after this (milliseconds). */
export const FULL_RETRY_MS = 500;

/**
 * Tries again what found no room on the disk, until there is some.
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
