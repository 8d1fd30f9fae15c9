import type { MonoTypeOperatorFunction, SchedulerLike } from 'rxjs';
import { retry, timer } from 'rxjs';
import { NoSpace } from '../src/ports/blockFiles.js';

/** Milliseconds until a disk without room is tried again. */
const FULL_RETRY_MS = 500;

/**
 * Subscribes to the source again as long as it fails for want of room on the disk.
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
