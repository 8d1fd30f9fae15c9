import type { Observable, SchedulerLike } from 'rxjs';
import { concat, defer, of, repeat, retry, switchMap, timer } from 'rxjs';
import type { Connection } from '../src/ports/connection.js';

export interface KeepDiallingOptions {
  /** One attempt: emits the connection and completes, or fails. */
  readonly dial: () => Observable<Connection>;
  readonly clock: SchedulerLike;
  /** A number in [0, 1), for jitter: so that processes do not dial in step. */
  readonly fraction: () => number;
  /** Delay after the first failure, and after a connection was lost; doubles with each failure … */
  readonly reconnectMs: number;
  /** … up to this. */
  readonly reconnectMsMax: number;
}

/**
 * Keeps one connection open: each new one is emitted, and null when it has closed.
 *
 * ```
 * dial      #           |  then after a delay  --C|
 * closed$                                        ----|
 * result    ----------------------------C---N--------…   N = null
 * ```
 *
 * Never completes and never fails. Unsubscribing gives up an attempt under way; it does not close
 * the connection.
 */
export function keepDialling(options: KeepDiallingOptions): Observable<Connection | null> {
  const { dial, clock, fraction, reconnectMs, reconnectMsMax } = options;
  const jittered = (ms: number) => timer(ms * (0.5 + fraction() / 2), clock);
  return defer(dial).pipe(
    retry({
      delay: (_error, failures) =>
        jittered(Math.min(reconnectMsMax, reconnectMs * 2 ** Math.min(failures - 1, 20))),
      resetOnSuccess: true,
    }),
    switchMap((connection) => concat(of(connection), connection.closed$, of(null))),
    repeat({ delay: () => jittered(reconnectMs) }),
  );
}
