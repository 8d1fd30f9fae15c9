/**
 * The replica of a process: requests of coordinators in, answers out (docs/strict-register.md).
 *
 * ```
 * requests ─► is a member? ─► holdUntilReady ─► is a member? ─► replicaRegisters ─► is a member? ─► answers
 *                              │       ▲                             │      │
 *                              ▼       │ durable                     ▼      ▼ flushed
 *                             regionNotes                         regions  store
 * ```
 */
import type { Observable, OperatorFunction } from 'rxjs';
import { connect, filter, ignoreElements, interval, last, map, merge, startWith, takeUntil, tap } from 'rxjs';
import type { Schedulers } from '../../../src/ports/schedulers.js';
import type { StrictStore } from '../../../src/ports/strictStore.js';
import { holdUntilReady } from '../../holdUntilReady.js';
import type { Answered, RequestFrom } from '../../replicaRegisters.js';
import { replicaRegisters } from '../../replicaRegisters.js';
import type { ReplicaState } from './replicaState.js';

export interface ReplicaOptions<Connection extends object> {
  readonly store: StrictStore;
  readonly schedulers: Schedulers;
  readonly state: ReplicaState<Connection>;
  /** Whether this process may vote now. If not, it answers nothing at all (E1). */
  readonly isMember: () => boolean;
  /** How often it is looked for what dead coordinators have left and for regions that are idle (milliseconds). */
  readonly sweepMs: number;
}

/** The origin of a request. */
export interface RequestOrigin<Connection extends object> {
  /** Whatever stands for the way that the request came. */
  readonly connection: Connection;
}

/**
 * Emits each request once, when it is over, in any order, with its answer. The answer is null if none is to be sent: of
 * a CONCLUDED, and of everything while this process may not vote. An error means that the process has to stop.
 */
export function replica<Connection extends object, Origin extends RequestOrigin<Connection>>(
  options: ReplicaOptions<Connection>,
): OperatorFunction<RequestFrom<Origin>, Answered<Origin>> {
  const { store, schedulers, state, isMember } = options;
  const { regionNotes, regions, coordinators, promises } = state;
  const registers = replicaRegisters<Origin>({
    ...{ store, promises, regions, turn: schedulers.turn, list: state.list },
    damaged: (range) => {
      state.damaged.add(range);
    },
  });
  return (request$) =>
    request$.pipe(
      connect((shared$) => {
        const sweep$ = interval(options.sweepMs, schedulers.clock).pipe(
          filter(isMember),
          tap(() => {
            regions.sweep((coordinator) => coordinators.has(coordinator), regionNotes.isStarved);
            regionNotes.clearIdle();
          }),
          ignoreElements(),
          takeUntil(shared$.pipe(startWith(null), last())),
        );
        const handled = (held$: Observable<RequestFrom<Origin>>): Observable<Answered<Origin>> =>
          held$.pipe(
            tap(({ request }) => {
              regionNotes.enter(request);
            }),
            registers,
            tap(({ value }) => {
              regionNotes.leave(value.request);
            }),
            map((answered) => (isMember() ? answered : { ...answered, result: null })),
          );
        const taken = (taken$: Observable<RequestFrom<Origin>>): Observable<Answered<Origin>> =>
          taken$.pipe(
            tap(({ origin, request }) => {
              coordinators.heard(origin.connection, request);
            }),
            holdUntilReady({
              isReady: ({ request }) => regionNotes.isReady(request),
              prepare: (waiting) => regionNotes.prepare(waiting.map(({ request }) => request)),
              wake$: regionNotes.wake$,
              turn: schedulers.turn,
            }),
            // It may have lost its vote while the request waited: its disk was disavowed.
            ofMember(isMember, handled),
          );
        return merge(sweep$, shared$.pipe(ofMember(isMember, taken)));
      }),
    );
}

/** Handles what comes while this process may vote. All else is over at once, without an answer. */
function ofMember<Origin>(
  isMember: () => boolean,
  handle: OperatorFunction<RequestFrom<Origin>, Answered<Origin>>,
): OperatorFunction<RequestFrom<Origin>, Answered<Origin>> {
  return connect((request$) =>
    merge(
      request$.pipe(
        filter(() => !isMember()),
        map((value): Answered<Origin> => ({ value, result: null })),
      ),
      request$.pipe(filter(isMember), handle),
    ),
  );
}
