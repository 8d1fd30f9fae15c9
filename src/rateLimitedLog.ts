/** Writes the first line of a kind at once, and then at most one in each interval: the others are only counted. */
import type { Log, LogFields } from './ports/log.js';

export interface RateLimitedLogOptions {
  readonly log: Log;
  readonly clock: { now(): number };
  /** Shortest time between two lines of a kind (milliseconds). */
  readonly intervalMs: number;
}

export interface RateLimitedLine {
  /** Lines of the same kind are limited together. */
  readonly kind: string;
  readonly level: 'info' | 'warn' | 'error';
  readonly message: string;
  /** @param suppressed How many lines of this kind were not written since the last one that was. */
  readonly fields: (suppressed: number) => LogFields;
}

/** Bound: one entry for each kind. */
export class RateLimitedLog {
  readonly #written = new Map<string, { readonly atMs: number; suppressed: number }>();

  constructor(private readonly options: RateLimitedLogOptions) {}

  write({ kind, level, message, fields }: RateLimitedLine): void {
    const { log, clock, intervalMs } = this.options;
    const last = this.#written.get(kind);
    const nowMs = clock.now();
    if (last !== undefined && nowMs - last.atMs < intervalMs) {
      last.suppressed += 1;
      return;
    }
    this.#written.set(kind, { atMs: nowMs, suppressed: 0 });
    log[level](message, fields(last?.suppressed ?? 0));
  }
}
