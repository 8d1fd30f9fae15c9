import type { SchedulerLike, Subscription } from 'rxjs';
import { Observable } from 'rxjs';

export interface WorkLanesOptions<T> {
  /** How many pieces of work may be under way at the moment. */
  readonly lanes: () => number;
  /** The next piece; null: there is none now. */
  readonly take: () => T | null;
  /** Does the piece of work, until it completes. An error ends everything. */
  readonly handle: (piece: T) => Observable<unknown>;
  /** Milliseconds between two looks for more work. */
  readonly idleMs: number;
  readonly clock: SchedulerLike;
}

/**
 * Does the work that there is, as many pieces side by side as there are lanes, for as long as it is subscribed to.
 *
 * ```
 * a          ---|            work on the first of three pieces, in two lanes
 * b          -|
 * c           --|            begun when b is over
 * result   ----------        nothing is emitted
 * ```
 *
 * To unsubscribe ends the work under way. Nothing is kept.
 */
export function workLanes<T>(options: WorkLanesOptions<T>): Observable<never> {
  const { lanes, take, handle, idleMs, clock } = options;
  return new Observable((subscriber) => {
    let busyCount = 0;
    let isFilling = false;
    const ended = (): void => {
      busyCount -= 1;
      fill();
    };
    const begin = (piece: T): void => {
      busyCount += 1;
      const error = (failure: unknown): void => {
        subscriber.error(failure);
      };
      subscriber.add(handle(piece).subscribe({ error, complete: ended }));
    };
    // A loop, not a recursion, because work may end on the spot.
    const fill = (): void => {
      if (isFilling) return;
      isFilling = true;
      while (busyCount < lanes()) {
        const piece = take();
        if (piece === null) break;
        begin(piece);
      }
      isFilling = false;
    };
    let ticking: Subscription | null = null;
    const tick = (): void => {
      fill();
      ticking = clock.schedule(tick, idleMs);
    };
    subscriber.add(() => ticking?.unsubscribe());
    ticking = clock.schedule(tick, idleMs);
  });
}
