/** Questions of repairs to the replicas of members, over the ports of the coordinator in the same process. */
import type { Observable } from 'rxjs';
import { EMPTY, defer, filter, first, map, merge, mergeMap, take, throwError, timeout } from 'rxjs';
import { assert } from '../../../src/core/assert.js';
import type { Rank } from '../../../src/core/rank.js';
import type { SectorRange } from '../../../src/core/strict/range.js';
import type { Incarnations, StateRun } from '../../../src/core/strict/replicaMessage.js';
import type { ReplicaPort } from '../../../src/coordinator/replicaPort.js';
import type { PeerPort } from '../replica/peerPort.js';
import type { StrictRepairOptions } from './repairOptions.js';

export interface ToldState {
  readonly rank: Rank;
  readonly runs: readonly StateRun[];
  readonly incarnations: Incarnations;
}

/** The ports to members that can be asked now. */
export function upPorts({ strict }: Pick<StrictRepairOptions, 'strict'>): PeerPort[] {
  return [...strict.peerPorts.values()].filter(({ isUp }) => isUp);
}

/** QUERY: emits STATE, and completes. Fails if the replica does not answer. */
export function askState(
  port: ReplicaPort,
  range: SectorRange,
  wantsData: boolean,
  { limits, clock }: Pick<StrictRepairOptions, 'limits' | 'clock'>,
): Observable<ToldState> {
  return defer(() => {
    let number: number | null = null;
    const answer$ = port.answer$.pipe(
      filter(({ request }) => request === number),
      map(({ answer, incarnations }): ToldState => {
        assert(answer.kind === 'state', 'a port passes on answers that fit their requests');
        return { rank: port.rank, runs: answer.runs, incarnations };
      }),
    );
    const down$ = port.isUp$.pipe(
      first((isUp) => !isUp),
      mergeMap(() => throwError(() => new Error(`process ${port.rank} is gone`))),
    );
    // Sent after both are subscribed to.
    const send$ = defer(() => {
      number = port.send({ kind: 'query', range, wantsData });
      return number === null ? throwError(() => new Error(`process ${port.rank} does not have the sectors`)) : EMPTY;
    });
    return merge(answer$, down$, send$).pipe(take(1), timeout({ each: limits.answerMs, scheduler: clock }));
  });
}

/** E4: without those of disks that are known to be lost. */
export function ofPresentDisks(
  told: readonly ToldState[],
  { membership }: Pick<StrictRepairOptions, 'membership'>,
): ToldState[] {
  const { remembered } = membership.current;
  return told.filter(({ rank, incarnations }) => {
    const own = incarnations[rank - 1];
    const known = remembered.get(rank)?.incarnation ?? 0;
    return own >= known && told.every((other) => other.incarnations[rank - 1] <= own);
  });
}
