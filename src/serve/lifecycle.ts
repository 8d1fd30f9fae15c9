/**
 * The run of a program in the foreground, from the moment it listens for signals to its exit code. The program is a
 * process, with workers or without, or the NBD gateway. The first signal asks it to end in good order, the second one
 * to end at once.
 */
import type { Observable } from 'rxjs';
import { NEVER, ReplaySubject, catchError, concat, filter, firstValueFrom, map, of } from 'rxjs';
import { describeError } from '../errors.js';
import { EXIT_FAILURE, EXIT_SUCCESS } from '../exitCodes.js';
import type { Log } from '../ports/log.js';
import { endOnLostDefects } from '../shell/lostErrors.js';
import { monotonicClock } from '../shell/monotonicClock.js';
import { endSignal$ } from './hangup.js';
import type { StopRequest } from './stopRequests.js';
import { stopRequests } from './stopRequests.js';

/** How a program has ended. */
export type Ending =
  /** In good order. */
  | { readonly kind: 'stopped' }
  /** At once: with the second signal, or because ending in good order took too long. */
  | { readonly kind: 'killed' }
  /** It could not go on. */
  | { readonly kind: 'failed'; readonly error: unknown };

/** A program that runs until it is stopped. */
export interface Program {
  /** Resolves with `failed` when it cannot go on. Never rejects. */
  readonly failed: Promise<Ending>;
  /** Takes no more work and finishes what is under way. Resolves when all of that is over. */
  readonly stop: () => Promise<void>;
}

export interface LifecycleOptions {
  readonly log: Log;
  /** How long ending in good order may take (milliseconds). Then the program ends at once. */
  readonly patienceMs: number;
  /** The last line of the log if the program was ended at once, or could not go on. */
  readonly lastWords: Readonly<Record<'killed' | 'failed', string>>;
}

export class Lifecycle {
  /** Resolves when the program is to end at once. */
  readonly killed: Promise<Ending>;
  readonly #request$: Observable<StopRequest>;

  /** From now on signals are noticed and remembered, and uncaught defects end the program. */
  constructor(private readonly options: LifecycleOptions) {
    endOnLostDefects();
    const requests = new ReplaySubject<StopRequest>(2);
    const { patienceMs } = options;
    stopRequests({ signals$: endSignal$, patienceMs, scheduler: monotonicClock }).subscribe(requests);
    this.#request$ = requests.asObservable();
    this.killed = firstValueFrom(
      this.#request$.pipe(
        filter((request) => request === 'kill'),
        map((): Ending => ({ kind: 'killed' })),
      ),
    );
  }

  /** Runs the program until a signal or a failure ends it. @returns the exit code. */
  async runUntilEnded({ failed, stop }: Program): Promise<number> {
    const asked = firstValueFrom(this.#request$).then(() => null);
    const early = await Promise.race([asked, failed]);
    if (early !== null) return this.end(early);
    const stopped = stop().then((): Ending => ({ kind: 'stopped' }));
    return this.end(await Promise.race([stopped, this.killed, failed]));
  }

  /** Writes the last line of the log. @returns the exit code. */
  end(ending: Ending): number {
    const { log, lastWords } = this.options;
    switch (ending.kind) {
      case 'stopped':
        log.info('stopped');
        return EXIT_SUCCESS;
      case 'failed': {
        const { error } = ending;
        const stack = error instanceof Error ? error.stack : undefined;
        log.error(lastWords.failed, { error: describeError(error), stack });
        return EXIT_FAILURE;
      }
      case 'killed':
        log.warn(lastWords.killed);
        return EXIT_FAILURE;
    }
  }
}

/** Resolves if `done$` fails. */
export function failureOf(done$: Observable<never>): Promise<Ending> {
  const failure$ = done$.pipe(catchError((error: unknown) => of<Ending>({ kind: 'failed', error })));
  return firstValueFrom(concat(failure$, NEVER));
}
