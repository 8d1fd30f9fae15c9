import type { Observable as ObservableType, OperatorFunction, Subscriber } from 'rxjs';
import { Observable, Subject, defer, groupBy, mergeMap } from 'rxjs';
import type { Claim } from '../src/core/conflicts.js';
import { Conflicts } from '../src/core/conflicts.js';

/** A value that has been handled, and what came of it. */
export interface Handled<T, R> {
  readonly value: T;
  readonly result: R;
}

export interface BatchByKeyOptions<T extends object, R> {
  /** Values of different keys never conflict. */
  readonly keyOf: (value: T) => number;
  /**
   * What the value needs of its key: it waits for all before it that it conflicts with. Values that conflict and may
   * join are in one batch if they can be. `handle` then has to keep their order.
   */
  readonly claimOf: (value: T) => Claim;
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
      const queue = new Queue<T, R>(options, subscriber, onIdle);
      subscriber.add(
        value$.subscribe({
          next: (value) => {
            queue.take(value);
          },
          error: (error: unknown) => {
            subscriber.error(error);
          },
          complete: () => {
            queue.end();
          },
        }),
      );
    });
}

class Queue<T extends object, R> {
  readonly #options: BatchByKeyOptions<T, R>;
  readonly #subscriber: Subscriber<Handled<T, R>>;
  readonly #onIdle: () => void;
  readonly #conflicts = new Conflicts<T>();
  #hasEnded = false;
  /** Calls that have results to emit or batches to begin: the queue is not idle before they have returned. */
  #depth = 0;
  #isBeginning = false;

  constructor(options: BatchByKeyOptions<T, R>, subscriber: Subscriber<Handled<T, R>>, onIdle: () => void) {
    this.#options = options;
    this.#subscriber = subscriber;
    this.#onIdle = onIdle;
  }

  take(value: T): void {
    if (!this.#conflicts.add(value, this.#options.claimOf(value))) return;
    this.#depth += 1;
    this.#begin([value]);
    this.#leave();
  }

  /** No more values come. */
  end(): void {
    this.#hasEnded = true;
    if (this.#isIdle) this.#subscriber.complete();
  }

  get #isIdle(): boolean {
    return this.#depth === 0 && this.#conflicts.size === 0;
  }

  #leave(): void {
    this.#depth -= 1;
    if (!this.#isIdle) return;
    if (this.#hasEnded) this.#subscriber.complete();
    else this.#onIdle();
  }

  #begin(batch: readonly T[]): void {
    const subscriber = this.#subscriber;
    subscriber.add(
      defer(() => this.#options.handle(batch)).subscribe({
        next: (results) => {
          this.#settle(results);
        },
        error: (error: unknown) => {
          subscriber.error(error);
        },
      }),
    );
  }

  #settle(results: readonly Handled<T, R>[]): void {
    this.#depth += 1;
    for (const { value } of results) this.#conflicts.end(value);
    for (const handled of results) this.#subscriber.next(handled);
    this.#beginWaiting();
    this.#leave();
  }

  /** A batch that is over at once lets the next one begin here, not inside its own end: the stack stays flat. */
  #beginWaiting(): void {
    if (this.#isBeginning) return;
    this.#isBeginning = true;
    const conflicts = this.#conflicts;
    for (let batch = conflicts.next(); batch.length > 0; batch = conflicts.next()) this.#begin(batch);
    this.#isBeginning = false;
  }
}
