import type { OperatorFunction } from 'rxjs';
import { Observable } from 'rxjs';

export interface PutAsideOptions<T> {
  /** If a value comes too early: its name, which no other early one has; else null. */
  readonly earlyName: (value: T) => string | null;
  /** Emits when it is not too early any more. */
  readonly due$: Observable<unknown>;
  /** The name of the early value, if any, that must not wait longer than until this one. */
  readonly endsWaitOf: (value: T) => string | null;
}

/**
 * Puts aside what comes too early, and lets it go on, in order, when that is over; or alone, just before a value that
 * ends its waiting.
 *
 * ```
 * values   -e-a-f-----g-|     e, f = early, g would be if it came before d
 * due$     -------d------
 * results  ---a---(ef)g-|
 * ```
 *
 * Completes with the source, and drops what is put aside then; errors of either are passed on. Bound: what the source
 * has under way at a time.
 */
export function deferUntil<T>(options: PutAsideOptions<T>): OperatorFunction<T, T> {
  const { earlyName, due$, endsWaitOf } = options;
  return (value$) =>
    new Observable((subscriber) => {
      let aside = new Map<string, T>();
      const fail = (error: unknown): void => {
        subscriber.error(error);
      };
      const letGo = (): void => {
        const values = aside;
        aside = new Map();
        for (const value of values.values()) subscriber.next(value);
      };
      const letGoOf = (name: string | null): void => {
        const value = name === null ? undefined : aside.get(name);
        if (name === null || value === undefined) return;
        aside.delete(name);
        subscriber.next(value);
      };
      subscriber.add(due$.subscribe({ next: letGo, error: fail }));
      subscriber.add(
        value$.subscribe({
          next: (value) => {
            const name = earlyName(value);
            if (name !== null) {
              aside.set(name, value);
              return;
            }
            letGoOf(endsWaitOf(value));
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
