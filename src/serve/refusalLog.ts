/** Says that connections are refused for want of places: with the first, and now and then. */
import type { SchedulerLike } from 'rxjs';
import type { Log } from '../ports/log.js';

/** However many are refused. */
const REFUSAL_LOG_MS = 5_000;

export interface RefusalLogOptions {
  /** Connections taken in at once … */
  readonly places: number;
  /** … and the field of the configuration that says so. */
  readonly option: string;
  readonly log: Log;
  readonly clock: SchedulerLike;
}

/** @returns to be called with each connection that is refused, or ended for a newer one. */
export function refusalLog({ places, option, log, clock }: RefusalLogOptions): () => void {
  let refused = 0;
  let quietUntilMs = -Infinity;
  return () => {
    refused += 1;
    const nowMs = clock.now();
    if (nowMs < quietUntilMs) return;
    quietUntilMs = nowMs + REFUSAL_LOG_MS;
    log.warn('connections are refused: all places are taken', { places, option, refused });
    refused = 0;
  };
}
