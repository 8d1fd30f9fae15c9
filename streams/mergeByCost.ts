import type { ObservableInput, OperatorFunction, Subscription } from 'rxjs';
import { Observable, from } from 'rxjs';

export interface MergeByCostOptions<T, R> {
  /** How much of the scarce resource, memory for example, the handling of a value takes. */
  readonly costOf: (value: T) => number;
  /** The values under way cost no more than this together. A single value may cost more. */
  readonly costMax: number;
  /** No value is begun while this is false. */
  readonly isOpen: () => boolean;
  /** Emits when `isOpen` may have become true. */
  readonly opened$: Observable<unknown>;
  readonly handle: (value: T) => ObservableInput<R>;
  /** Called when the handling of a value has completed, before others are begun. */
  readonly handled?: (value: T) => void;
}

/**
 * Handles as many values side by side as their costs allow. The others wait, in order.
 *
 * ```
 * values   -(abcd)------|    each of them costs one, costMax is two
 * handle    ----(x|)         what handling one of them gives
 * results  -----(ab)(cd)|    c and d are begun when a and b have completed
 * ```
 *
 * Completes when the source and all handling have completed. An error of any of them, or of `opened$`, ends everything.
 * To unsubscribe ends the handling under way. Bound: that of the source, which has to stop when too much waits.
 */
export function mergeByCost<T, R>(options: MergeByCostOptions<T, R>): OperatorFunction<T, R> {
  const { costOf, costMax, isOpen, opened$, handle, handled } = options;
  return (value$) =>
    new Observable<R>((subscriber) => {
      const waiting: T[] = [];
      const underWay = new Set<Subscription>();
      let costUnderWay = 0;
      let underWayCount = 0;
      let isComplete = false;
      let isPumping = false;
      const fail = (error: unknown): void => {
        subscriber.error(error);
      };
      const begin = (value: T, cost: number): void => {
        costUnderWay += cost;
        underWayCount += 1;
        const handling = from(handle(value)).subscribe({
          next: (result) => {
            subscriber.next(result);
          },
          error: fail,
          complete: () => {
            costUnderWay -= cost;
            underWayCount -= 1;
            handled?.(value);
            pump();
          },
        });
        if (subscriber.closed) handling.unsubscribe();
        if (handling.closed) return;
        underWay.add(handling);
        handling.add(() => underWay.delete(handling));
      };
      // A loop, not a recursion, because handling that completes at once would nest without end.
      const pump = (): void => {
        if (isPumping) return;
        isPumping = true;
        while (waiting.length > 0 && isOpen() && !subscriber.closed) {
          const cost = costOf(waiting[0]);
          if (underWayCount > 0 && costUnderWay + cost > costMax) break;
          const [value] = waiting;
          waiting.shift();
          begin(value, cost);
        }
        isPumping = false;
        if (isComplete && underWayCount === 0 && waiting.length === 0) subscriber.complete();
      };
      subscriber.add(() => {
        // The last is ended first: what waits for another value must not begin because the other one was ended.
        for (const handling of [...underWay].reverse()) handling.unsubscribe();
      });
      subscriber.add(opened$.subscribe({ next: pump, error: fail }));
      subscriber.add(
        value$.subscribe({
          next: (value) => {
            waiting.push(value);
            pump();
          },
          error: fail,
          complete: () => {
            isComplete = true;
            pump();
          },
        }),
      );
    });
}
