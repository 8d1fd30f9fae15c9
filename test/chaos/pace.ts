/**
 * Keeps the operations of a long run to a number that fits into memory: nobody begins one more while more have begun
 * than the time that has passed allows. Short runs never notice.
 */
import { setTimeout as sleep } from 'node:timers/promises';

/** About 150 bytes each. */
const OPERATIONS_MAX = 1_500_000;
/** In hand from the beginning: nothing is gained by even speed. */
const LEAD_MS = 60_000;
const LOOK_EVERY_MS = 20;

export class Pace {
  private count = 0;
  private readonly beganAt = performance.now();

  constructor(private readonly durationMs: number) {}

  async mayBegin(): Promise<void> {
    while (this.count >= this.allowedCount()) await sleep(LOOK_EVERY_MS);
    this.count += 1;
  }

  private allowedCount(): number {
    const passedMs = performance.now() - this.beganAt;
    return (OPERATIONS_MAX * (passedMs + LEAD_MS)) / (this.durationMs + LEAD_MS);
  }
}
