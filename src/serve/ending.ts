/** How a process ends: signals, what is said last, and the exit code. */
import type { Observable } from 'rxjs';
import { ReplaySubject, map } from 'rxjs';
import * as limits from '../../config/limits.js';
import type { ProcessConfig } from '../../config/load.js';
import { describeError } from '../errors.js';
import type { Log } from '../ports/log.js';
import { monotonicClock } from '../shell/monotonicClock.js';
import { endSignal$ } from './hangup.js';
import { stopRequests } from './stopRequests.js';

const EXIT_STOPPED = 0;
const EXIT_FAILED = 1;

/** What ends a process. */
export type Ending =
  | { readonly kind: 'terminate' }
  | { readonly kind: 'kill' }
  | { readonly kind: 'failed'; readonly error: unknown }
  | { readonly kind: 'closed' };

/** Says why the process ends. @returns the exit code. */
export function report(ending: Ending, log: Log): number {
  switch (ending.kind) {
    case 'closed':
      log.info('stopped');
      return EXIT_STOPPED;
    case 'failed': {
      const { error } = ending;
      const stack = error instanceof Error ? error.stack : undefined;
      log.error('the process has to stop', { error: describeError(error), stack });
      return EXIT_FAILED;
    }
    case 'terminate':
    case 'kill':
      log.warn('stopped at once');
      return EXIT_FAILED;
  }
}

/** The first signal asks to end in good order, the second one to end at once. */
export function stopSignals(config: ProcessConfig): Observable<Ending> {
  const request$ = new ReplaySubject<Ending>(2);
  // From now on a signal is noticed and remembered, also while the store is being opened.
  stopRequests({
    signals$: endSignal$,
    patienceMs: config.timeouts.shutdownMs + limits.SHUTDOWN_SLACK_MS,
    scheduler: monotonicClock,
  })
    .pipe(map((kind): Ending => ({ kind })))
    .subscribe(request$);
  return request$.asObservable();
}
