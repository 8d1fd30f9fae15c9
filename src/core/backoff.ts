/** Exponential back-off: each pause between failing attempts is twice as long as the one before, up to a bound. */

export interface Backoff {
  /** The first pause (milliseconds, more than 0). */
  readonly firstMs: number;
  /** The longest pause (milliseconds). */
  readonly maxMs: number;
}

/**
 * @param failures How many pauses there were before this one.
 * @returns the length of the pause in milliseconds.
 */
export function backoffMs(failures: number, { firstMs, maxMs }: Backoff): number {
  return Math.min(maxMs, firstMs * 2 ** failures);
}

/**
 * The same, shortened by up to a half, so that many that failed together do not try again together ("equal jitter",
 * https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
 * @param fraction A random number in [0, 1).
 */
export function jitteredBackoffMs(failures: number, backoff: Backoff, fraction: number): number {
  return backoffMs(failures, backoff) * (0.5 + fraction / 2);
}
