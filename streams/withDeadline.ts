import type { OperatorFunction, SchedulerLike } from 'rxjs';
import { concat, connect, filter, ignoreElements, map, merge, of, take, takeUntil } from 'rxjs';
import { takeWhile, timer } from 'rxjs';

export interface WithDeadlineOptions<T> {
  readonly clock: SchedulerLike;
  readonly dueMs: number;
  /** Whether this is the value that has to come by then. */
  readonly isDone: (value: T) => boolean;
  /** The last value, emitted if none is done by then. */
  readonly late: T;
}

/**
 * Passes everything on. If no value has been done after `dueMs` milliseconds, it ends the stream with `late`.
 *
 * ```
 * values  -a--b------x-d    d = isDone(d), due after six frames
 * output  -a--b-(l|)        l = late; had d come in time, x would be passed on, however late
 * ```
 *
 * Errors and the end of the source are passed on at once. Holds one timer, until `isDone`.
 */
export function withDeadline<T>(options: WithDeadlineOptions<T>): OperatorFunction<T, T> {
  const { clock, dueMs, isDone, late } = options;
  return connect((value$) => {
    const done$ = concat(value$.pipe(filter(isDone), take(1)), of(null));
    const ended$ = concat(value$.pipe(ignoreElements()), of(null));
    const late$ = timer(dueMs, clock).pipe(
      map(() => late),
      takeUntil(merge(done$, ended$)),
    );
    return merge(late$, value$).pipe(takeWhile((value) => value !== late, true));
  });
}
