import type { ObservableInput, OperatorFunction } from 'rxjs';
import { concatMap, defer, groupBy, mergeMap, queueScheduler, subscribeOn } from 'rxjs';

export interface SerializeByKeyOptions<T, R> {
  /**
   * The queue that a value goes to. The number of keys must be fixed and small, because a queue that was opened stays
   * open (docs/adr/0003-stripes.md says why, and what it costs).
   */
  readonly keyOf: (value: T) => number;
  /** Handles one value; the next one of the same key waits until the result completes. */
  readonly handle: (value: T) => ObservableInput<R>;
}

/**
 * Handles values of one key one at a time, in order; values of different keys side by side.
 *
 * ```
 * values   -a-A--b-----|     a, A of one key, b of another
 * handle    --x|             what handling one of them gives
 * results  ---a--A-b---|     A is begun only when a has completed
 * ```
 *
 * An error of the source or of any result ends everything: it means that the process has to stop. To unsubscribe ends
 * the handling under way. Bound: what the sources have under way (src/core/ledger.ts, and the number of messages
 * handled per connection).
 *
 * concatMap begins the next value inside the completion of the one before. A long queue of values that are handled on
 * the spot would overflow the stack. The queue scheduler begins each value when the one before has returned, and at
 * once if none is being handled.
 */
export function serializeByKey<T, R>(options: SerializeByKeyOptions<T, R>): OperatorFunction<T, R> {
  const handle = (value: T) => defer(() => options.handle(value)).pipe(subscribeOn(queueScheduler));
  return (value$) =>
    value$.pipe(
      groupBy(options.keyOf),
      mergeMap((group$) => group$.pipe(concatMap(handle))),
    );
}
