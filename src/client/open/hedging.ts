/**
 * Decides when an unanswered READ is sent to a second process as well: after four times as long as nearly all of the
 * latest reads took. So a slow or stopped process holds up a read only briefly, and in normal operation almost no read
 * is sent twice. (Dean, Barroso, The Tail at Scale, 2013: hedged requests.)
 *
 * Only reads are hedged, because they change nothing. A WRITE stays with its process until the process can no longer
 * begin it. A process whose reads are hedged gets no further WRITEs until it answers (linkChoice.ts).
 *
 * Bound: one entry for each READ that is under way, and a fixed number of latencies.
 */

/** Milliseconds between two checks for reads that are due to be hedged. */
export const HEDGE_CHECK_MS = 10;

/** Milliseconds. */
export const HEDGE_DELAY_MS_MIN = 20;
export const HEDGE_DELAY_MS_MAX = 1_000;
/** The delay until there are latencies to compute it from. */
const HEDGE_DELAY_MS_FIRST = 200;

/** The delay is this many times the QUANTILE of the latest latencies. */
const PATIENCE = 4;
const QUANTILE = 0.99;
/** The number of latencies that are kept. The delay is computed again when a quarter of them is new. */
const SAMPLE_COUNT = 512;
const SAMPLE_COUNT_LEAST = 16;

/** The delay after which a read is hedged, computed from the latest latencies. */
export class HedgeDelay {
  private readonly samples: number[] = [];
  private next = 0;
  private sinceDrawn = 0;
  private drawnMs = HEDGE_DELAY_MS_FIRST;

  get delayMs(): number {
    return this.drawnMs;
  }

  /** A read was answered after so many milliseconds. */
  add(latencyMs: number): void {
    this.samples[this.next] = latencyMs;
    this.next = (this.next + 1) % SAMPLE_COUNT;
    this.sinceDrawn += 1;
    const due = Math.max(SAMPLE_COUNT_LEAST, Math.floor(this.samples.length / 4));
    if (this.sinceDrawn < due) return;
    this.sinceDrawn = 0;
    const sorted = this.samples.toSorted((a, b) => a - b);
    const slow = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * QUANTILE))];
    this.drawnMs = Math.min(HEDGE_DELAY_MS_MAX, Math.max(HEDGE_DELAY_MS_MIN, PATIENCE * slow));
  }
}

interface Watched<T> {
  readonly item: T;
  readonly sinceMs: number;
}

/** Reads that were sent and may be unanswered, oldest first. */
export class HedgeQueue<T> {
  private queue: Watched<T>[] = [];
  /** Index of the first item that was not taken out. */
  private first = 0;

  get isEmpty(): boolean {
    return this.first === this.queue.length;
  }

  add(item: T, nowMs: number): void {
    this.queue.push({ item, sinceMs: nowMs });
  }

  /** Takes out the items that have waited for at least `delayMs`, and drops those that do not wait any more. */
  takeDue(nowMs: number, delayMs: number, isWaiting: (item: T) => boolean): T[] {
    const due: T[] = [];
    while (this.first < this.queue.length) {
      const { item, sinceMs } = this.queue[this.first];
      if (isWaiting(item)) {
        if (nowMs - sinceMs < delayMs) break;
        due.push(item);
      }
      this.first += 1;
    }
    this.queue = this.queue.slice(this.first);
    this.first = 0;
    return due;
  }
}
