import type { MonoTypeOperatorFunction, SchedulerLike } from 'rxjs';
import { defer, filter, map, mergeMap, tap, timer } from 'rxjs';

export interface DelayByKeyOptions<T> {
  readonly delayMs: number;
  readonly clock: SchedulerLike;
  readonly keyOf: (value: T) => string;
}

/**
 * Delays each value. While a value waits, further values of the same key are dropped.
 *
 * ```
 * source    -a-a-----a----|     two milliseconds of delay; all of one key
 * result    ---a-------a--|     the second is dropped, the third comes after the first has gone
 * ```
 *
 * Errors are passed on at once; the end waits for the delayed values. Bound: one value for each key.
 */
export function delayByKey<T>(options: DelayByKeyOptions<T>): MonoTypeOperatorFunction<T> {
  const { delayMs, clock, keyOf } = options;
  return (source$) =>
    defer(() => {
      const waiting = new Set<string>();
      return source$.pipe(
        filter((value) => !waiting.has(keyOf(value))),
        tap((value) => waiting.add(keyOf(value))),
        mergeMap((value) => timer(delayMs, clock).pipe(map(() => value))),
        tap((value) => waiting.delete(keyOf(value))),
      );
    });
}
