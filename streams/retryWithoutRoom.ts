import type { MonoTypeOperatorFunction, SchedulerLike } from 'rxjs';
import { retry, timer } from 'rxjs';
import { NoSpace } from '../src/ports/blockFiles.js';

/** A disk without room for a note is tried again after this. */
const FULL_RETRY_MS = 500;

/** A disk without room is tried again. */
export function retryWithoutRoom<T>(clock: SchedulerLike): MonoTypeOperatorFunction<T> {
  return retry({
    delay: (error: unknown) => {
      if (error instanceof NoSpace) return timer(FULL_RETRY_MS, clock);
      throw error;
    },
  });
}
