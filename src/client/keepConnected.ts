/**
 * Keeps one connection up: dials, serves the connection, and dials again after a delay when it is over or the dial has
 * failed. The delay doubles with each failure, and is small again once a connection has proved good. It has jitter, so
 * that many clients do not come back in step.
 *
 * ```
 * dial     --a|          --#          --b|
 * serve a    ---|
 * out      -----[ delay ]--[ longer ]--- …
 * ```
 * A dial that fails is counted and tried again; an error of `serve` is an error of this program and ends the result.
 * Completes only when `stop$` has emitted: at once between connections, and at the end of a connection during one.
 * Bound: one connection at a time. A connection that is being given up is not over, so a process that hangs is not
 * dialled again and again.
 */
import type { Observable } from 'rxjs';
import { catchError, defer, EMPTY, mergeMap, repeat, takeUntil, timeout, timer } from 'rxjs';
import { jitteredBackoffMs } from '../core/backoff.js';
import type { Random } from '../ports/random.js';
import type { Schedulers } from '../ports/schedulers.js';

export interface KeepConnectedOptions<C> {
  /** Upper end of the first delay, in milliseconds. It doubles with each failure. */
  readonly reconnectMs: number;
  /** Upper end of the longest delay, in milliseconds. */
  readonly reconnectMsMax: number;
  dial(): Observable<C>;
  /** Uses the connection, and completes when it is over. `proved` is to be called when it has proved good. */
  serve(connection: C, proved: () => void): Observable<never>;
  /** Milliseconds after which a dial without a connection has failed. */
  readonly dialMs: number;
  onDialFailed(error: unknown): void;
  /** Emits once, also for later subscribers. */
  readonly stop$: Observable<unknown>;
  readonly schedulers: Schedulers;
  readonly random: Pick<Random, 'fraction'>;
}

export function keepConnected<C>(options: KeepConnectedOptions<C>): Observable<never> {
  const { schedulers, stop$, random, reconnectMs: firstMs, reconnectMsMax: maxMs } = options;
  return defer(() => {
    let failureCount = 0;
    const proved = (): void => {
      failureCount = 0;
    };
    const dialled$ = defer(() => options.dial()).pipe(
      timeout({ first: options.dialMs, scheduler: schedulers.clock }),
      catchError((error: unknown) => {
        options.onDialFailed(error);
        return EMPTY;
      }),
      takeUntil(stop$),
    );
    return dialled$.pipe(
      mergeMap((connection) => options.serve(connection, proved)),
      repeat({
        delay: () => {
          const delayMs = jitteredBackoffMs(failureCount, { firstMs, maxMs }, random.fraction());
          failureCount += 1;
          return timer(delayMs, schedulers.clock).pipe(takeUntil(stop$));
        },
      }),
    );
  });
}
