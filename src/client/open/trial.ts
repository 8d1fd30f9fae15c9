/**
 * The trial of a process that has come back. It accepts connections as soon as it is launched, long before it has
 * opened its disk, and then is slow for a while. Operations sent to it have to wait for that, and a WRITE cannot be
 * sent elsewhere meanwhile. So it is pinged again and again before it gets operations that others could carry out.
 */
import type { Observable, SchedulerLike } from 'rxjs';
import { defer, ignoreElements, repeat, tap, timer } from 'rxjs';
import { TRIAL } from '../clientDefaults.js';
import type { Link } from '../link.js';
import type { PingOptions } from '../ping.js';
import { pingOnce } from '../ping.js';

export interface TrialOptions extends PingOptions {
  readonly clock: SchedulerLike;
  /** Called when the process has given TRIAL.answers answers. */
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
