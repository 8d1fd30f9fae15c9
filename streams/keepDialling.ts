import type { Observable, SchedulerLike } from 'rxjs';
import { NEVER, concat, defer, merge, of, repeat, retry, switchMap, take, timer } from 'rxjs';
import { jitteredBackoffMs } from '../src/core/backoff.js';
import type { Connection } from '../src/ports/connection.js';

export interface KeepDiallingOptions {
  /** One attempt: emits the connection and completes, or fails. */
  readonly dial: () => Observable<Connection>;
  readonly clock: SchedulerLike;
  /** A number in [0, 1), for jitter: so that processes do not dial in step. */
  readonly fraction: () => number;
  /** Delay after the first failure or lost connection; doubles with each further one … */
  readonly reconnectMs: number;
  /** … up to this; starts anew once a connection has lived for longer than this. */
  readonly reconnectMsMax: number;
  /** Told of each attempt that failed. Default: nobody is. */
  readonly onFailure?: (error: unknown) => void;
  /** Each time the other side is known to be there: a pause under way is over. Default: never. */
  readonly hurry$?: Observable<unknown>;
}

/**
 * Keeps one connection open: each new one is emitted, and null when it has closed.
 *
 * ```
 * closed$    ---|                 of f, from when it is there
 * dial      -f|                   the first attempt
 * dial             -s|            the second, after a delay of four (ms)
 * result    -f--n----s---------   n = null
 * ```
 *
 * Never completes and never fails. Unsubscribing gives up an attempt under way; it does not close the connection.
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
          // One that did not live longer than the longest delay is as good as a failure.
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
