import type { Observable, SchedulerLike } from 'rxjs';
import { NEVER, concat, defer, merge, of, repeat, retry, switchMap, take, timer } from 'rxjs';
import { jitteredBackoffMs } from '../src/core/backoff.js';
import type { Connection } from '../src/ports/connection.js';

export interface KeepDiallingOptions {
  /** One attempt: emits the connection and completes, or fails. */
  readonly dial: () => Observable<Connection>;
  readonly clock: SchedulerLike;
  /** A random number in [0, 1) for jitter, so that processes do not dial in step. */
  readonly fraction: () => number;
  /** Delay after the first failure or lost connection, in milliseconds. It doubles with each further one. */
  readonly reconnectMs: number;
  /** The longest delay, in milliseconds. After a connection that was open for longer than this, delays start anew. */
  readonly reconnectMsMax: number;
  /** Called for each attempt that failed. Default: nothing is. */
  readonly onFailure?: (error: unknown) => void;
  /** Emits when the other side is known to run: this ends a delay under way. Default: never. */
  readonly hurry$?: Observable<unknown>;
}

/**
 * Keeps one connection open. Emits each new connection, and null when it has closed.
 *
 * ```
 * closed$    ---|                 of f, from when it is there
 * dial      -f|                   the first attempt
 * dial             -s|            the second, after a delay of four (ms)
 * result    -f--n----s---------   n = null
 * ```
 *
 * Never completes and never fails. To unsubscribe gives up an attempt under way; it does not close the connection.
 */
export function keepDialling(options: KeepDiallingOptions): Observable<Connection | null> {
  const { dial, clock, fraction, reconnectMs, reconnectMsMax, hurry$ = NEVER } = options;
  return defer(() => {
    let failures = 0;
    const pause = (): Observable<unknown> => {
      const ms = jitteredBackoffMs(failures, { firstMs: reconnectMs, maxMs: reconnectMsMax }, fraction());
      return merge(timer(ms, clock), hurry$).pipe(take(1));
    };
    const over = (): Observable<unknown> => {
      const paused$ = pause();
      failures += 1;
      return paused$;
    };
    const failed = (error: unknown): Observable<unknown> => {
      options.onFailure?.(error);
      return over();
    };
    return defer(dial).pipe(
      switchMap((connection) => {
        const openedMs = clock.now();
        const lived$ = defer(() => {
          // A connection that was not open for longer than the longest delay counts as a failure.
          failures = clock.now() - openedMs > reconnectMsMax ? 0 : failures;
          return of(null);
        });
        return concat(of(connection), connection.closed$, lived$);
      }),
      retry({ delay: failed }),
      repeat({ delay: over }),
    );
  });
}
