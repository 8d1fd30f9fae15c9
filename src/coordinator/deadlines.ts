/**
 * Items that are all due after the same delay, unless they are taken out before: one timer for all of them.
 *
 * Bound: the number of items, which their user keeps.
 */
import type { Alarms } from './alarms.js';

export class Deadlines<T> {
  /** When each is due, in order. */
  readonly #dueMs = new Map<T, number>();
  #isWatching = false;

  constructor(
    private readonly alarms: Alarms,
    private readonly delayMs: number,
    private readonly onDue: (item: T) => void,
  ) {}

  get size(): number {
    return this.#dueMs.size;
  }

  /** The item that is due next. */
  get first(): T | undefined {
    for (const item of this.#dueMs.keys()) return item;
    return undefined;
  }

  add(item: T): void {
    this.#dueMs.set(item, this.alarms.nowMs + this.delayMs);
    this.#watch();
  }

  /** @returns whether it was there. */
  delete(item: T): boolean {
    return this.#dueMs.delete(item);
  }

  #watch(): void {
    if (this.#isWatching) return;
    for (const dueMs of this.#dueMs.values()) {
      this.#isWatching = true;
      this.alarms.after(dueMs - this.alarms.nowMs, () => {
        this.#isWatching = false;
        this.#ring();
      });
      return;
    }
  }

  #ring(): void {
    for (const [item, dueMs] of this.#dueMs) {
      if (dueMs > this.alarms.nowMs) break;
      this.#dueMs.delete(item);
      this.onDue(item);
    }
    this.#watch();
  }
}
