/** Looks at something again and again, as long as there is something to look at. */
import type { Observable, SchedulerLike } from 'rxjs';
import { EMPTY, distinctUntilChanged, ignoreElements, interval, switchMap, tap } from 'rxjs';

/**
 * One timer for all that is watched. Emits nothing, completes with `isOn$`.
 *
 * ```
 * isOn$   --t--------f----t----
 * looks   -----!--!--------- ! …
 * ```
 */
export function watchWhile(
  isOn$: Observable<boolean>,
  look: () => void,
  everyMs: number,
  clock: SchedulerLike,
): Observable<never> {
  return isOn$.pipe(
    distinctUntilChanged(),
    switchMap((isOn) => (isOn ? interval(everyMs, clock) : EMPTY)),
    tap(look),
    ignoreElements(),
  );
}
