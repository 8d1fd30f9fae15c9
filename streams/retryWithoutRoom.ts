import type { MonoTypeOperatorFunction, SchedulerLike } from 'rxjs';
import { retry, timer } from 'rxjs';
import { NoSpace } from '../src/ports/blockFiles.js';

/** A disk without room is tried again after this (milliseconds). */
const FULL_RETRY_MS = 500;

/**
 * Tries again what found no room on the disk, until there is some.
 *
 * ```
 * first     -#             fails with NoSpace
 * second    (a|)           begins 3 milliseconds later, if that is the pause
 * result    ----(a|)
 * ```
 *
 * Any other error is passed on at once.
 */
export function retryWithoutRoom<T>(clock: SchedulerLike, pauseMs = FULL_RETRY_MS): MonoTypeOperatorFunction<T> {
  return retry({
    delay: (error: unknown) => {
      if (error instanceof NoSpace) return timer(pauseMs, clock);
      throw error;
    },
  });
}
