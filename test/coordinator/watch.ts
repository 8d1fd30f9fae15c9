import type { Observable } from 'rxjs';
import type { Client, MemoryCluster } from './memoryCluster.js';
import { namesIn } from './values.js';

export interface Watched<T> {
  readonly values: T[];
  /** undefined: it is not over; null: it has completed; or its error. */
  end: unknown;
  stop(): void;
}

/** Subscribes and notes what comes. */
export function watch<T>(source$: Observable<T>): Watched<T> {
  const values: T[] = [];
  const seen: Watched<T> = {
    values,
    end: undefined,
    stop: () => {
      subscription.unsubscribe();
    },
  };
  const subscription = source$.subscribe({
    next: (value) => values.push(value),
    error: (error: unknown) => {
      seen.end = error;
    },
    complete: () => {
      seen.end = null;
    },
  });
  return seen;
}

/** The names in the sectors, read by that client; or the error. */
export function namesRead(cluster: MemoryCluster, { coordinator }: Client, first: number, count = 1) {
  const read = watch(coordinator.readRange({ first, count }));
  cluster.advance(2_000, () => read.end !== undefined);
  return read.values.length === 1 ? namesIn(read.values[0], count) : [String(read.end)];
}
