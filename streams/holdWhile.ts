import type { MonoTypeOperatorFunction } from 'rxjs';
import { Observable } from 'rxjs';

export interface HoldWhileOptions<T> {
  /** Asked before each value is let through. */
  readonly isHeld: () => boolean;
  /** Emits when `isHeld` may have become false. */
  readonly released$: Observable<unknown>;
  /** Called after a release that has let through all that waited: the source may go on. */
  readonly onEmpty: () => void;
  /** Whether a waiting value is let through when the source ends; the others are dropped then. */
  readonly keepAtEnd: (value: T) => boolean;
}

/**
 * Lets values through, in order, as long as `isHeld` is false; the others wait.
 *
 * ```
 * source     -(Abc)--------|     A makes `isHeld` true, b and c do not
 * released$  -------r-------
 * result     -A-----(bc)---|
 * ```
 *
 * Errors are passed on at once. At the end of the source, waiting values are let through if `keepAtEnd` says so. Bound:
 * none of its own. The owner of `isHeld` stops the source as well, and lets it go on at `onEmpty` only. So the values
 * that wait are those that had arrived together (one chunk of a socket).
 */
export function holdWhile<T>(options: HoldWhileOptions<T>): MonoTypeOperatorFunction<T> {
  const { isHeld, released$, onEmpty, keepAtEnd } = options;
  return (source$) =>
    new Observable((subscriber) => {
      let waiting: T[] = [];
      const fail = (error: unknown): void => {
        subscriber.error(error);
      };
      const release = (): void => {
        let count = 0;
        while (count < waiting.length && !isHeld()) {
          subscriber.next(waiting[count]);
          count += 1;
        }
        waiting = waiting.slice(count);
        if (waiting.length === 0 && !isHeld()) onEmpty();
      };
      subscriber.add(released$.subscribe({ next: release, error: fail }));
      subscriber.add(
        source$.subscribe({
          next: (value) => {
            if (waiting.length > 0 || isHeld()) waiting.push(value);
            else subscriber.next(value);
          },
          error: fail,
          complete: () => {
            for (const value of waiting) if (keepAtEnd(value)) subscriber.next(value);
            subscriber.complete();
          },
        }),
      );
    });
}
