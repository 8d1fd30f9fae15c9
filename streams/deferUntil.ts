import type { OperatorFunction } from 'rxjs';
import { Observable } from 'rxjs';

export interface DeferUntilOptions<T> {
  /** The name of a value that comes too early, unique among the early values; null for any other value. */
  readonly earlyName: (value: T) => string | null;
  /** Emits when the deferred values may go on. */
  readonly due$: Observable<unknown>;
  /** The name of the early value that must not wait longer than until this value; null: there is none. */
  readonly endsWaitOf: (value: T) => string | null;
}

/**
 * Defers values that come too early. They go on, in order, when `due$` emits. A single one goes on earlier, just before
 * the value that ends its waiting.
 *
 * ```
 * values   -e-a-f-----g-|     e, f = early, g would be if it came before d
 * due$     -------d------
 * results  ---a---(ef)g-|
 * ```
 *
 * Completes with the source, and drops the deferred values then. Errors of either stream are passed on. Bound: what the
 * source has under way at a time.
 */
export function deferUntil<T>(options: DeferUntilOptions<T>): OperatorFunction<T, T> {
  const { earlyName, due$, endsWaitOf } = options;
  return (value$) =>
    new Observable((subscriber) => {
      let deferred = new Map<string, T>();
      const fail = (error: unknown): void => {
        subscriber.error(error);
      };
      const releaseAll = (): void => {
        const values = deferred;
        deferred = new Map();
        for (const value of values.values()) subscriber.next(value);
      };
      const release = (name: string | null): void => {
        const value = name === null ? undefined : deferred.get(name);
        if (name === null || value === undefined) return;
        deferred.delete(name);
        subscriber.next(value);
      };
      subscriber.add(due$.subscribe({ next: releaseAll, error: fail }));
      subscriber.add(
        value$.subscribe({
          next: (value) => {
            const name = earlyName(value);
            if (name !== null) {
              deferred.set(name, value);
              return;
            }
            release(endsWaitOf(value));
            subscriber.next(value);
          },
          error: fail,
          complete: () => {
            subscriber.complete();
          },
        }),
      );
    });
}
