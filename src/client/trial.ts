/**
 * The first second of a process that was away. It takes connections as soon as it is launched, long before it has
 * opened its disk, and then is slow for a while. What it was asked has to wait for that, and a WRITE cannot be tried
 * elsewhere meanwhile. So it is asked for an answer that costs nothing, again and again, before it is given work that
 * others could do as well.
 */
import type { Observable, SchedulerLike } from 'rxjs';
import { defer, ignoreElements, repeat, tap, timer } from 'rxjs';
import { TRIAL } from './clientDefaults.js';
import type { Link } from './link.js';
import type { PingOptions } from './ping.js';
import { pingOnce } from './ping.js';

export interface TrialOptions extends PingOptions {
  readonly clock: SchedulerLike;
  /** The process has given TRIAL.answers, each asked for some time after the one before. */
  passed(): void;
}

/**
 * To be subscribed to while the link lasts.
 *
 * ```
 * asks     ?------?------?
 * answers  --!------!------p        p = passed
 * result   ----------------|
 * ```
 * Bound: one question at a time.
 */
export function trialOf(link: Link, options: TrialOptions): Observable<never> {
  const delay = (): Observable<unknown> => timer(TRIAL.pauseMs, options.clock);
  return defer(() => pingOnce(link, options)).pipe(
    repeat({ count: TRIAL.answers, delay }),
    ignoreElements(),
    tap({
      complete: () => {
        options.passed();
      },
    }),
  );
}
