/** Keeps one process running: starts it, and starts it again each time it ends, until it is to stop. */
import type { Observable, SchedulerLike } from 'rxjs';
import { defer, EMPTY, map, repeat, takeUntil, timer } from 'rxjs';
import type { Rank } from '../core/rank.js';
import type { ProcessExit, RestartDecision } from './restartPolicy.js';
import { decideRestart } from './restartPolicy.js';

/** An event of one process of the operating system. `ended` comes once, as the last event. */
export type ChildEvent =
  | { readonly kind: 'started'; readonly pid: number }
  | { readonly kind: 'line'; readonly text: string }
  | { readonly kind: 'ended'; readonly exit: ProcessExit };

export type SupervisorEvent =
  | Exclude<ChildEvent, { kind: 'ended' }>
  | { readonly kind: 'ended'; readonly exit: ProcessExit; readonly next: RestartDecision };

/** A program that the supervisor runs: a process, by its rank, or the NBD gateway. */
export type Member = Rank | 'nbd';

/** An event of one of these programs. */
export interface MemberEvent {
  readonly member: Member;
  readonly event: SupervisorEvent | { readonly kind: 'listening' };
}

export interface KeepRunningOptions {
  /** Subscribing starts the process; the observable completes after its end. */
  readonly child$: Observable<ChildEvent>;
  /**
   * Emits when nothing is to be started any more, also to later subscribers. It does not end the running process:
   * `child$` has to do that.
   */
  readonly stop$: Observable<unknown>;
  readonly scheduler: SchedulerLike;
}

/**
 * ```
 * child$   s--e            s--e               s = started, e = ended
 * output   s--e----------s--e--…              100 ms, then 200 ms, … between an e and the next s
 * stop$    -----------------------x
 * output   s--e----------s--e-----|           completes once the process that runs has ended
 * ```
 * Completes as well when a process ends in a way that a new start cannot mend. An error of `child$` is passed on.
 * Unsubscribing unsubscribes from `child$`. Holds one timer at most.
 */
export function keepRunning(options: KeepRunningOptions): Observable<SupervisorEvent> {
  const { child$, stop$, scheduler } = options;
  return defer(() => {
    let failures = 0;
    let next: RestartDecision = { kind: 'giveUp' };
    const once$ = defer(() => {
      const startedMs = scheduler.now();
      return child$.pipe(
        map((event): SupervisorEvent => {
          if (event.kind !== 'ended') return event;
          next = decideRestart(event.exit, scheduler.now() - startedMs, failures);
          if (next.kind === 'restart') failures = next.failures;
          return { ...event, next };
        }),
      );
    });
    const pause = (): Observable<unknown> =>
      next.kind === 'giveUp' ? EMPTY : timer(next.delayMs, scheduler).pipe(takeUntil(stop$));
    return once$.pipe(repeat({ delay: pause }));
  });
}
