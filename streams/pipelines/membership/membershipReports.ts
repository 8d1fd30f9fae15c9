/** The log entries of a process about its part in the cluster. */
import type { Observable, SchedulerLike } from 'rxjs';
import { EMPTY, distinctUntilChanged, filter, ignoreElements, map, merge, skipWhile } from 'rxjs';
import { switchMap, take, takeWhile, tap, timer, withLatestFrom } from 'rxjs';
import { describeObjection, describeTransition, describeWaiting } from '../../../src/core/membership/describe.js';
import { transitionWaitOf } from '../../../src/core/membership/transition.js';
import { waitingOf } from '../../../src/core/membership/founding.js';
import type { MemberState } from '../../../src/core/membership/identity.js';
import { INCARNATION_MAX } from '../../../src/core/stamp.js';
import type { Log } from '../../../src/ports/log.js';
import type { MembershipState } from './membershipState.js';

/** Milliseconds until a process first logs that it waits for a cluster to be founded, and between two such entries. */
const WAITING_FIRST_MS = 3_000;
const WAITING_AGAIN_MS = 30_000;

/** To be subscribed to as long as the process runs. Emits nothing. */
export function membershipReports(state: MembershipState, log: Log, clock: SchedulerLike): Observable<never> {
  return merge(
    memberStateReports(state, log),
    waitingReports(state, log, clock),
    votingReports(state, log),
    exhaustionReport(state, log),
    transitionReports(state, log, clock),
  );
}

/** An open process that could be strict logs what it waits for, whenever that has changed. Emits nothing. */
function transitionReports({ current }: MembershipState, log: Log, clock: SchedulerLike): Observable<never> {
  return timer(WAITING_FIRST_MS, WAITING_FIRST_MS, clock).pipe(
    map(() => transitionWaitOf(current)),
    takeWhile((wait) => wait !== null),
    distinctUntilChanged((before, now) => JSON.stringify(before) === JSON.stringify(now)),
    tap((wait) => {
      log.info(`this process ${describeTransition(wait)}`, { event: 'ready', ...wait });
    }),
    ignoreElements(),
  );
}

/** Logs each change of the member state. Emits nothing. */
function memberStateReports({ memberState, memberState$ }: MembershipState, log: Log): Observable<never> {
  let before = memberState;
  const logChange = (now: MemberState): void => {
    if (now === 'joining') {
      log.warn('the disk is new: taking in what the others have; no votes until then', {
        event: 'joining',
      });
    } else if (now === 'member' && before === 'joining') {
      log.info('everything is here again: a full member', { event: 'rebuilt' });
    } else if (now === 'member' && before === 'fresh') {
      log.info('a member of a new cluster', { event: 'founded' });
    }
    before = now;
  };
  return memberState$.pipe(tap(logChange), ignoreElements());
}

/** A process that is not part of a cluster logs why, soon and then from time to time. Emits nothing. */
function waitingReports({ memberState$, current }: MembershipState, log: Log, clock: SchedulerLike): Observable<never> {
  return memberState$.pipe(
    switchMap((memberState) => (memberState === 'fresh' ? timer(WAITING_FIRST_MS, WAITING_AGAIN_MS, clock) : EMPTY)),
    tap(() => {
      const waiting = waitingOf(current);
      const why = describeWaiting(waiting);
      const text = `a new cluster is founded by all its processes together: ${why}`;
      log.warn(text, { event: 'waiting', ...waiting });
    }),
    ignoreElements(),
  );
}

/** Logs why a member has ceased to vote, and that it votes again. Emits nothing. */
function votingReports({ voting$, memberState$, current }: MembershipState, log: Log): Observable<never> {
  return voting$.pipe(
    withLatestFrom(memberState$),
    filter(([, memberState]) => memberState === 'member'),
    map(([isVoting]) => isVoting),
    distinctUntilChanged(),
    skipWhile((isVoting) => isVoting),
    tap((isVoting) => {
      if (isVoting) {
        log.info('votes again', { event: 'voting' });
        return;
      }
      const { objections } = current;
      const reasons = objections.map(describeObjection).join('; ');
      log.error(`this process does not vote: ${reasons}`, { event: 'objections', objections });
    }),
    ignoreElements(),
  );
}

/** Logs once that no incarnation number is left: nothing that peers say can change that. Emits nothing. */
function exhaustionReport({ exhausted$ }: MembershipState, log: Log): Observable<never> {
  return exhausted$.pipe(
    take(1),
    tap(() => {
      log.error(
        'this process has lost its disk too often, or a peer says so: no number is left for its ' +
          'incarnation, so it takes in nothing, never votes, and begins no WRITE',
        { event: 'exhausted', lossesMax: INCARNATION_MAX },
      );
    }),
    ignoreElements(),
  );
}
