import type { Observable, SchedulerLike } from 'rxjs';
import { defer, finalize, share, subscribeOn } from 'rxjs';
import type { PutOutcome } from '../src/ports/store.js';
import type { RangePut, StrictStore } from '../src/ports/strictStore.js';

/**
 * Gathers the puts of one turn, so that they are one call of the store and share its flush.
 *
 * ```
 * puts       -(ab)----c-----|     a, b in one turn
 * putRanges  ---(s|)              takes three frames; once with [a, b], once with [c]
 * outcomes   ----(ss)----s--|
 * ```
 *
 * @returns a function that puts; what it returns is cold, and emits the outcome that all puts of the turn have. An
 * error of the store goes to all of them. Bound: what one turn puts.
 */
export function putTogether(
  store: Pick<StrictStore, 'putRanges'>,
  turn: SchedulerLike,
): (puts: readonly RangePut[]) => Observable<PutOutcome> {
  let gathered: { readonly puts: RangePut[]; readonly outcome$: Observable<PutOutcome> } | null = null;
  const gather = () => {
    const puts: RangePut[] = [];
    const begin = (): void => {
      if (gathered?.puts === puts) gathered = null;
    };
    const outcome$ = defer(() => {
      begin();
      return store.putRanges(puts);
    }).pipe(subscribeOn(turn), finalize(begin), share());
    return { puts, outcome$ };
  };
  return (puts) =>
    defer(() => {
      gathered ??= gather();
      gathered.puts.push(...puts);
      return gathered.outcome$;
    });
}
