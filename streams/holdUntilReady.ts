import type { OperatorFunction, SchedulerLike, Subscription } from 'rxjs';
import { Observable } from 'rxjs';

export interface HoldUntilReadyOptions<T> {
  readonly isReady: (value: T) => boolean;
  /**
   * Does what lets values become ready, as far as it can now, and completes. It gets the values that wait. It is not
   * subscribed to again before it has completed.
   */
  readonly prepare: (waiting: readonly T[]) => Observable<never>;
  /** Emits when `prepare` may be able to do something, whether values wait or not. */
  readonly wake$: Observable<unknown>;
  readonly turn: SchedulerLike;
}

/**
 * Holds back the values that are not ready. At the end of the turn all of them are prepared together. Then those that
 * are ready go on, in order. Values that are ready go on at once and overtake the others.
 *
 * ```
 * values   -a-b-c---|     b is not ready until it was prepared
 * prepare  ---|           takes three frames
 * results  -a---cb--|
 * ```
 *
 * Values that are not ready after `prepare` wait until other values have to wait, or until `wake$` emits. At the end of
 * the source, those that wait are dropped: their answers never leave. An error of any stream is passed on. Bound: what
 * the source has under way at a time.
 */
export function holdUntilReady<T>(options: HoldUntilReadyOptions<T>): OperatorFunction<T, T> {
  const { isReady, prepare, wake$, turn } = options;
  return (value$) =>
    new Observable((subscriber) => {
      let waiting: T[] = [];
      let scheduled: Subscription | null = null;
      let isPreparing = false;
      let isWanted = false;

      const fail = (error: unknown): void => {
        subscriber.error(error);
      };
      const release = (): void => {
        const held = waiting;
        waiting = [];
        for (const value of held) {
          if (isReady(value)) subscriber.next(value);
          else waiting.push(value);
        }
      };
      const begin = (): void => {
        scheduled = null;
        isWanted = false;
        isPreparing = true;
        subscriber.add(
          prepare(waiting.slice()).subscribe({
            error: fail,
            complete: () => {
              isPreparing = false;
              release();
              if (isWanted) schedule();
            },
          }),
        );
      };
      const schedule = (): void => {
        isWanted = true;
        if (!isPreparing) scheduled ??= turn.schedule(begin);
      };

      subscriber.add(() => scheduled?.unsubscribe());
      subscriber.add(wake$.subscribe({ next: schedule, error: fail }));
      subscriber.add(
        value$.subscribe({
          next: (value) => {
            if (isReady(value)) {
              subscriber.next(value);
              return;
            }
            waiting.push(value);
            schedule();
          },
          error: fail,
          complete: () => {
            subscriber.complete();
          },
        }),
      );
    });
}
