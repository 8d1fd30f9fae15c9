import type { OperatorFunction } from 'rxjs';
import { Observable } from 'rxjs';

export interface PutAsideOptions<T> {
  /** Whether a value comes too early. */
  readonly isEarly: (value: T) => boolean;
  /** Emits when it is not too early any more. */
  readonly due$: Observable<unknown>;
}

/**
 * Puts aside what comes too early, and lets it go on, in order, when that is over.
 *
 * ```
 * values   -e-a-e------|     e = early
 * due$     -------d-----
 * results  ---a---(ee)-|
 * ```
 *
 * Completes with the source, and drops what is put aside then; errors of either are passed on.
 * Bound: what the source has under way at a time.
 */
export function putAside<T>({ isEarly, due$ }: PutAsideOptions<T>): OperatorFunction<T, T> {
  return (value$) =>
    new Observable((subscriber) => {
      let aside: T[] = [];
      const fail = (error: unknown): void => {
        subscriber.error(error);
      };
      const letGo = (): void => {
        const values = aside;
        aside = [];
        for (const value of values) subscriber.next(value);
      };
      subscriber.add(due$.subscribe({ next: letGo, error: fail }));
      subscriber.add(
        value$.subscribe({
          next: (value) => {
            if (isEarly(value)) aside.push(value);
            else subscriber.next(value);
          },
          error: fail,
          complete: () => {
            subscriber.complete();
          },
        }),
      );
    });
}
