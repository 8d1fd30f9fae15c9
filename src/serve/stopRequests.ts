/** From signals to requests to the processes: first to end in good order, then to end at once. */
import type { Observable, SchedulerLike } from 'rxjs';
import { map, merge, of, skipUntil, switchMap, take, timer } from 'rxjs';

export type StopRequest = 'terminate' | 'kill';

/**
 * One press of Ctrl-C may arrive twice within milliseconds: from the terminal, and passed on by npm. Only a signal that
 * comes later than this counts as the second one.
 */
export const SECOND_SIGNAL_AFTER_MS = 500;

export interface StopRequestsOptions {
  /** Emits for each SIGINT, SIGTERM or SIGHUP. */
  readonly signals$: Observable<unknown>;
  /** How long the processes may take to end in good order. */
  readonly patienceMs: number;
  readonly scheduler: SchedulerLike;
}

/**
 * ```
 * signals$   --a--b------------     b soon after a is the same key press
 * output     --t---------------k|   after patienceMs
 * signals$   --a----------c----
 * output     --t----------(k|)      the second signal: at once
 * ```
 * An error of `signals$` is passed on.
 */
export function stopRequests(options: StopRequestsOptions): Observable<StopRequest> {
  const { signals$, patienceMs, scheduler } = options;
  const second$ = signals$.pipe(skipUntil(timer(SECOND_SIGNAL_AFTER_MS, scheduler)));
  const kill$ = merge(second$, timer(patienceMs, scheduler)).pipe(
    take(1),
    map((): StopRequest => 'kill'),
  );
  return signals$.pipe(
    take(1),
    switchMap(() => merge(of<StopRequest>('terminate'), kill$)),
  );
}
