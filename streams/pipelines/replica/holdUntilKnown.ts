import type { MonoTypeOperatorFunction, SchedulerLike } from 'rxjs';
import { filter, map, mergeMap, of, take, timer } from 'rxjs';
import type { RequestFrom } from '../../replicaRegisters.js';
import type { MembershipView } from '../processState.js';
import type { Asker } from './asker.js';
import { SessionAsker } from './asker.js';

/** Milliseconds between two looks. */
const CHECK_MS = 10;

/**
 * Holds the requests of a joining process until its disk is durably on record here (docs/strict-register.md, E2): what
 * it is told after that is told by a process that no crash makes forget which disk was lost. All other requests go on
 * at once.
 *
 * Bound: what a connection may have under way.
 */
export function holdUntilKnown(
  membership: Pick<MembershipView, 'current' | 'durable'>,
  clock: SchedulerLike,
): MonoTypeOperatorFunction<RequestFrom<Asker>> {
  const isHeld = ({ origin }: RequestFrom<Asker>): boolean => {
    const hello = origin instanceof SessionAsker ? origin.connection.hello : null;
    if (hello === null) return false;
    const { rank, storage, incarnation } = hello;
    const one = membership.current.heard.get(rank);
    if (one?.kind !== 'hello' || one.hello.memberState !== 'joining') return false;
    const known = membership.durable.get(rank);
    return known?.storage !== storage || known.incarnation !== incarnation;
  };
  return mergeMap((request) =>
    isHeld(request)
      ? timer(CHECK_MS, CHECK_MS, clock).pipe(
          filter(() => !isHeld(request)),
          take(1),
          map(() => request),
        )
      : of(request),
  );
}
