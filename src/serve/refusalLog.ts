/** Logs that connections are refused for want of places: the first one at once, then every few seconds. */
import type { SchedulerLike } from 'rxjs';
import type { Log } from '../ports/log.js';
import { RateLimitedLog } from '../rateLimitedLog.js';

/** Shortest time between two lines, however many connections are refused (milliseconds). */
const REFUSAL_LOG_MS = 5_000;

export interface RefusalLogOptions {
  /** The most connections at a time. */
  readonly places: number;
  /** The field of the configuration that sets `places`. */
  readonly option: string;
  readonly log: Log;
  readonly clock: SchedulerLike;
}

/** @returns a function to be called for each connection that is refused, or ended for a newer one. */
export function refusalLog({ places, option, log, clock }: RefusalLogOptions): () => void {
  const limited = new RateLimitedLog({ log, clock, intervalMs: REFUSAL_LOG_MS });
  const message = 'connections are refused: all places are taken';
  return () => {
    limited.write({
      kind: message,
      level: 'warn',
      message,
      fields: (suppressed) => ({ places, option, refused: suppressed + 1 }),
    });
  };
}
