/** Keeps one process running: starts it, and again each time it ends, until it is told to stop. */
import type { Observable, SchedulerLike } from 'rxjs';
import { defer, EMPTY, map, repeat, takeUntil, timer } from 'rxjs';
import type { Rank } from '../core/rank.js';
import type { ProcessExit, RestartDecision } from './restartPolicy.js';
import { decideRestart } from './restartPolicy.js';

/** What happens to one process of the operating system. `ended` comes once, as the last event. */
export type ChildEvent =
  | { readonly kind: 'started'; readonly pid: number }
  | { readonly kind: 'line'; readonly text: string }
  | { readonly kind: 'ended'; readonly exit: ProcessExit };

export type SupervisorEvent =
  | Exclude<ChildEvent, { kind: 'ended' }>
  | { readonly kind: 'ended'; readonly exit: ProcessExit; readonly next: RestartDecision };

/** What the supervisor runs: the processes by rank, and the NBD gateway. */
export type Member = Rank | 'nbd';

/** What the supervisor learns about one of them. */
export interface MemberEvent {
  readonly member: Member;
  readonly event: SupervisorEvent | { readonly kind: 'listening' };
}

export interface KeepRunningOptions {
  /** Subscribing starts the process; the observable completes after its end. */
  readonly child$: Observable<ChildEvent>;
  /**
   * Emits when nothing is to be started any more, at once if that was so before the subscription. Ending the process
   * that runs is the business of `child$`.
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
 * Completes as well when a process ends in a way that starting it again cannot mend. An error of `child$` is passed on.
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
