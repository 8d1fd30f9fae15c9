/**
 * How fast it goes now, and how long it will take: from the last seconds only, so that a process that dies, and comes
 * back, shows. Pure: the caller says what time it is.
 */

export interface RateMeter {
  /** `done` (bytes, in all) at this moment. */
  record(nowMs: number, done: number): void;
  /** Bytes per second lately. */
  bytesPerSecond(): number;
  /** Seconds until `total`; Infinity when nothing moves. */
  secondsLeft(total: number): number;
}

const WINDOW_MS = 10_000;
/** Samples closer together than this are one: bounds the memory. */
const SAMPLE_MS = 100;

export function createRateMeter(startMs: number): RateMeter {
  const samples = [{ atMs: startMs, done: 0 }];
  let newest = samples[0];
  const bytesPerSecond = (): number => {
    const spanMs = newest.atMs - samples[0].atMs;
    return spanMs <= 0 ? 0 : ((newest.done - samples[0].done) * 1_000) / spanMs;
  };
  return {
    record(nowMs, done) {
      newest = { atMs: nowMs, done };
      if (nowMs - samples[samples.length - 1].atMs >= SAMPLE_MS) samples.push(newest);
      while (samples.length > 2 && nowMs - samples[1].atMs >= WINDOW_MS) samples.shift();
    },
    bytesPerSecond,
    secondsLeft(total) {
      const rate = bytesPerSecond();
      const left = total - newest.done;
      if (left <= 0) return 0;
      return rate === 0 ? Infinity : left / rate;
    },
  };
}
