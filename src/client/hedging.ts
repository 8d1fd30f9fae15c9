/**
 * When a READ that was not answered is worth asking of another process as well: after four times what nearly all of the
 * latest reads took. So a process that is slow, or stands still, holds up a read for a moment only, and in ordinary
 * times next to nothing is asked twice.
 *
 * Only reads: they change nothing, whoever answers. A WRITE stays with its process until that is known to have let go
 * of it; a process whose reads are hedged is given no more of them until it answers (linkChoice.ts).
 *
 * Bound: one entry for each READ that is under way, and a fixed number of latencies.
 */

/** How often reads that may have to be asked of another process are looked at. */
export const HEDGE_CHECK_MS = 10;

/** Milliseconds. */
export const HEDGE_DELAY_MS_MIN = 20;
export const HEDGE_DELAY_MS_MAX = 1_000;
/** Used until there is something to go by. */
const HEDGE_DELAY_MS_FIRST = 200;

/** How much longer than the slow ones of ordinary times. */
const PATIENCE = 4;
const QUANTILE = 0.99;
/** Latencies remembered; the delay is drawn from them anew after each quarter. */
const SAMPLE_COUNT = 512;
const SAMPLE_COUNT_LEAST = 16;

/** The delay, drawn from the latencies seen. */
export class HedgeDelay {
  private readonly samples: number[] = [];
  private next = 0;
  private sinceDrawn = 0;
  private drawnMs = HEDGE_DELAY_MS_FIRST;

  get delayMs(): number {
    return this.drawnMs;
  }

  /** A read was answered after that time. */
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

/** What was sent and not answered, oldest first. */
export class HedgeQueue<T> {
  private queue: Watched<T>[] = [];
  /** Those before it are done with. */
  private first = 0;

  get isEmpty(): boolean {
    return this.first === this.queue.length;
  }

  add(item: T, nowMs: number): void {
    this.queue.push({ item, sinceMs: nowMs });
  }

  /** Takes out those that have waited that long, and forgets those that wait no more. */
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
