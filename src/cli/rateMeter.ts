/**
 * The present rate of a transfer and the time left, from the last seconds only, so that the end and the return of a
 * process show. Pure: the caller passes the time.
 */

export interface RateMeter {
  /** So many bytes are done in all at this moment. */
  record(nowMs: number, done: number): void;
  /** Bytes per second in the last seconds. */
  bytesPerSecond(): number;
  /** Seconds until `total` bytes are done; Infinity if the rate is 0. */
  secondsLeft(total: number): number;
}

const WINDOW_MS = 10_000;
/** Samples closer together than this count as one, which bounds the memory (milliseconds). */
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
