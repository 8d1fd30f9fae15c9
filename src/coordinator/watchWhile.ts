/** Checks something periodically, as long as there is something to check. */
import type { Observable, SchedulerLike } from 'rxjs';
import { EMPTY, distinctUntilChanged, ignoreElements, interval, switchMap, tap } from 'rxjs';

/**
 * Calls `check` every `everyMs` milliseconds while `isOn$` is true. Emits nothing, completes with `isOn$`.
 *
 * ```
 * isOn$   --t--------f----t----
 * checks  -----!--!--------- ! …
 * ```
 */
export function watchWhile(
  isOn$: Observable<boolean>,
  check: () => void,
  everyMs: number,
  clock: SchedulerLike,
): Observable<never> {
  return isOn$.pipe(
    distinctUntilChanged(),
    switchMap((isOn) => (isOn ? interval(everyMs, clock) : EMPTY)),
    tap(check),
    ignoreElements(),
  );
}
