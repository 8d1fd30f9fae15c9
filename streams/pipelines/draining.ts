/** How a process comes to have nothing under way: before it ends, and before it goes on in the other mode. */
import type { Observable, SchedulerLike } from 'rxjs';
import { concat, defer, filter, ignoreElements, interval, map, merge, pairwise, take, takeUntil } from 'rxjs';
import { tap, timer } from 'rxjs';
import { finishDraining } from '../../src/core/membership/membership.js';
import { areOthersDrained } from '../../src/core/membership/transition.js';
import type { Ledger } from '../../src/core/ledger.js';
import type { Connection } from '../../src/ports/connection.js';
import type { MembershipState } from './membership/membershipState.js';
import type { ProcessState } from './processState.js';

/** Milliseconds between two checks whether all operations are over. */
const POLL_MS = 10;

/** Emits once, when no operation of a client is left, and completes. */
export function idle(ledger: Ledger<unknown>, clock: SchedulerLike): Observable<unknown> {
  // No operation in two checks in a row: the turn that sends the last answers is over by then.
  return interval(POLL_MS, clock).pipe(
    map(() => ledger.entries.size === 0),
    pairwise(),
    filter(([wasIdle, isIdle]) => wasIdle && isIdle),
    take(1),
  );
}

/**
 * The process begins no operations any more, and answers those of others. Completes when all processes have finished
 * what they had, or after `patienceMs`. (G3)
 *
 * ```
 * own operations   ====|                until here they are answered
 * HELLO            ----d                d: drained
 * of process 2     ------d
 * of process 3     ---------d
 * result           ---------|
 * ```
 */
export function drained(
  { ledger }: Pick<ProcessState, 'ledger'>,
  membership: MembershipState,
  clock: SchedulerLike,
  patienceMs: number,
): Observable<never> {
  const { current } = membership;
  const own$ = idle(ledger, clock).pipe(
    tap(() => {
      membership.raise(finishDraining(current));
    }),
  );
  const others$ = defer(() =>
    merge(membership.transition$, timer(0, clock)).pipe(
      filter(() => areOthersDrained(current)),
      take(1),
    ),
  );
  // The turn that says so to the others has to end before the connections do.
  const said$ = timer(POLL_MS, clock);
  return concat(own$, others$, said$).pipe(ignoreElements(), takeUntil(timer(patienceMs, clock)));
}

/**
 * Ends the connections of a process that reads from none of them any more.
 * @returns those of clients, which still get what was written. They have to be destroyed later.
 */
export function endConnections({ sessions, peerConnections }: ProcessState): Connection[] {
  const ended: Connection[] = [];
  for (const { connection, isDialled } of sessions) {
    if (isDialled || peerConnections.has(connection)) connection.destroy();
    else {
      connection.end();
      ended.push(connection);
    }
  }
  return ended;
}

/** Destroys the connections after a while, and completes. A client ends its half when the other half has ended. */
export function destroyLater(
  connections: readonly Connection[],
  afterMs: number,
  clock: SchedulerLike,
): Observable<never> {
  return timer(afterMs, clock).pipe(
    tap(() => {
      for (const connection of connections) connection.destroy();
    }),
    ignoreElements(),
  );
}
