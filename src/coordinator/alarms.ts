/**
 * Many timers of a coordinator on one of the scheduler's: an operation asks for several, and nearly all have become
 * needless when they are due.
 *
 * Bound: what its user asks for. An alarm that has become needless stays until it is due.
 */
import type { SchedulerLike, Subscription } from 'rxjs';

interface Alarm {
  readonly atMs: number;
  /** So that alarms of one instant run in the order in which they were set. */
  readonly number: number;
  readonly run: () => void;
}

export class Alarms {
  /** A binary heap: the next alarm is the first. */
  readonly #heap: Alarm[] = [];
  #count = 0;
  #scheduled: Subscription | null = null;
  #scheduledMs = Infinity;

  constructor(private readonly clock: SchedulerLike) {}

  get nowMs(): number {
    return this.clock.now();
  }

  /** Runs the task after so many milliseconds, unless `clear` is called before. */
  after(delayMs: number, run: () => void): void {
    this.#count += 1;
    this.#push({ atMs: this.clock.now() + delayMs, number: this.#count, run });
    this.#schedule();
  }

  clear(): void {
    this.#heap.length = 0;
    this.#scheduled?.unsubscribe();
    this.#scheduled = null;
    this.#scheduledMs = Infinity;
  }

  #schedule(): void {
    const next = this.#heap.at(0);
    if (next === undefined || next.atMs >= this.#scheduledMs) return;
    this.#scheduled?.unsubscribe();
    this.#scheduledMs = next.atMs;
    // Timers take whole milliseconds, and must not run before the alarm is due.
    const delayMs = Math.max(0, Math.ceil(next.atMs - this.clock.now()));
    this.#scheduled = this.clock.schedule(() => {
      this.#ring();
    }, delayMs);
  }

  #ring(): void {
    this.#scheduledMs = Infinity;
    this.#scheduled = null;
    const nowMs = this.clock.now();
    for (let next = this.#heap.at(0); next !== undefined && next.atMs <= nowMs; next = this.#heap.at(0)) {
      this.#pop();
      next.run();
    }
    this.#schedule();
  }

  #push(alarm: Alarm): void {
    const heap = this.#heap;
    let at = heap.push(alarm) - 1;
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      if (!isBefore(alarm, heap[parent])) break;
      heap[at] = heap[parent];
      at = parent;
    }
    heap[at] = alarm;
  }

  /** Takes the first one out. */
  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1], heap[child])) child += 1;
      if (!isBefore(heap[child], last)) break;
      heap[at] = heap[child];
      at = child;
    }
    heap[at] = last;
  }
}

function isBefore(a: Alarm, b: Alarm): boolean {
  return a.atMs === b.atMs ? a.number < b.number : a.atMs < b.atMs;
}
