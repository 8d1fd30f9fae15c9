import type { Observable as ObservableType, OperatorFunction } from 'rxjs';
import { Observable, Subject, defer, groupBy, mergeMap } from 'rxjs';

/** A value that has been handled, and what came of it. */
export interface Handled<T, R> {
  readonly value: T;
  readonly result: R;
}

export interface BatchByKeyOptions<T extends object, R> {
  /** Values of different keys never conflict. */
  readonly keyOf: (value: T) => number;
  /** Whether `later` has to wait while `earlier`, which came before it, waits or is under way. */
  readonly conflict: (earlier: T, later: T) => boolean;
  /** Whether two values that conflict may be in one batch. `handle` then has to keep their order. */
  readonly join: (earlier: T, later: T) => boolean;
  /**
   * Handles values, none of which conflicts with one under way. Emits each of them once, with those that are due at the
   * same time in one array, and completes.
   */
  readonly handle: (batch: readonly T[]) => ObservableType<readonly Handled<T, R>[]>;
}

/**
 * Handles each value at once if it conflicts with none before it that waits or is under way. The others wait. When what
 * they wait for is over, all that wait and may go go as one batch.
 *
 * ```
 * values   -aAAb----------|     a and A conflict
 * handle   ----(x|)             the handling of a batch takes four frames
 * results  -----a--b(AA)--|     both A are one batch
 * ```
 *
 * A key takes memory only while a value of it waits or is under way: its group ends when it is idle. An error of the
 * source or of any result ends everything: it means that the process has to stop. Bound: what the source has under way
 * at a time.
 */
export function batchByKey<T extends object, R>(options: BatchByKeyOptions<T, R>): OperatorFunction<T, Handled<T, R>> {
  return (value$) =>
    defer(() => {
      const idle = new Map<number, Subject<void>>();
      const end = (key: number): void => {
        const ended = idle.get(key);
        idle.delete(key);
        ended?.next();
      };
      return value$.pipe(
        groupBy(options.keyOf, {
          duration: ({ key }) => {
            const ends = new Subject<void>();
            idle.set(key, ends);
            return ends;
          },
        }),
        mergeMap((group$) =>
          group$.pipe(
            inBatches(options, () => {
              end(group$.key);
            }),
          ),
        ),
      );
    });
}

/** The values of one key. @param onIdle Called when none waits or is under way. */
function inBatches<T extends object, R>(
  options: BatchByKeyOptions<T, R>,
  onIdle: () => void,
): OperatorFunction<T, Handled<T, R>> {
  return (value$) =>
    new Observable((subscriber) => {
      const underWay = new Set<T>();
      let waiting: T[] = [];
      let hasEnded = false;
      /** Calls that have results to emit or batches to begin: the group is not idle before they have returned. */
      let depth = 0;
      let isBeginning = false;

      const { conflict, join } = options;
      /** Whether two values may not be in one batch. */
      const part = (earlier: T, later: T): boolean => conflict(earlier, later) && !join(earlier, later);

      const fail = (error: unknown): void => {
        subscriber.error(error);
      };
      const leave = (): void => {
        depth -= 1;
        if (depth > 0 || underWay.size > 0 || waiting.length > 0) return;
        if (hasEnded) subscriber.complete();
        else onIdle();
      };
      const settle = (results: readonly Handled<T, R>[]): void => {
        depth += 1;
        for (const { value } of results) underWay.delete(value);
        for (const handled of results) subscriber.next(handled);
        beginWaiting();
        leave();
      };
      const begin = (batch: readonly T[]): void => {
        for (const value of batch) underWay.add(value);
        subscriber.add(defer(() => options.handle(batch)).subscribe({ next: settle, error: fail }));
      };
      /** A batch that is over at once lets the next one begin here, not inside its own end: the stack stays flat. */
      const beginWaiting = (): void => {
        if (isBeginning) return;
        isBeginning = true;
        for (let batch = take(); batch.length > 0; batch = take()) begin(batch);
        isBeginning = false;
      };
      const take = (): T[] => {
        if (waiting.length === 0) return [];
        const batch: T[] = [];
        const left: T[] = [];
        for (const value of waiting) {
          const isHeld =
            (underWay.size > 0 && conflictsWith(underWay, value, conflict)) ||
            conflictsWith(left, value, conflict) ||
            conflictsWith(batch, value, part);
          (isHeld ? left : batch).push(value);
        }
        waiting = left;
        return batch;
      };

      subscriber.add(
        value$.subscribe({
          next: (value) => {
            if (conflictsWith(underWay, value, conflict) || conflictsWith(waiting, value, conflict)) {
              waiting.push(value);
              return;
            }
            depth += 1;
            begin([value]);
            leave();
          },
          error: fail,
          complete: () => {
            hasEnded = true;
            if (underWay.size === 0 && waiting.length === 0 && depth === 0) subscriber.complete();
          },
        }),
      );
    });
}

function conflictsWith<T>(earlier: Iterable<T>, value: T, conflict: (earlier: T, later: T) => boolean): boolean {
  for (const other of earlier) if (conflict(other, value)) return true;
  return false;
}
