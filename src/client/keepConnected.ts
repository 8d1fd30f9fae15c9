/**
 * Keeps one connection up: dials, serves, and, when either is over, dials again after a delay that doubles with each
 * failure, is jittered so that many clients do not come back in step, and starts small again once a connection has
 * proved good.
 *
 * ```
 * dial     --a|          --#          --b|
 * serve a    ---|
 * out      -----[ delay ]--[ longer ]--- …
 * ```
 * A dial that fails is counted and tried again; an error of `serve` is an error of this program and ends the result.
 * Completes only when `stop$` has emitted: between connections at once, during one when it is over. Bound: one
 * connection at a time; a connection that is being left is not over, so a process that hangs is not dialled again and
 * again.
 */
import type { Observable } from 'rxjs';
import { catchError, defer, EMPTY, mergeMap, repeat, takeUntil, timeout, timer } from 'rxjs';
import { jitteredBackoffMs } from '../core/backoff.js';
import type { Random } from '../ports/random.js';
import type { Schedulers } from '../ports/schedulers.js';

export interface KeepConnectedOptions<C> {
  /** Upper end of the first delay; doubles … */
  readonly reconnectMs: number;
  /** … up to this. */
  readonly reconnectMsMax: number;
  dial(): Observable<C>;
  /** Uses the connection; completes when it is over. `proved` starts the delays small again. */
  serve(connection: C, proved: () => void): Observable<never>;
  /** A connection that is not there within this has failed. */
  readonly dialMs: number;
  onDialFailed(error: unknown): void;
  /** Emits once, for late subscribers too. */
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
