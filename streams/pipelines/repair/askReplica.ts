/** Questions of repairs to the replicas of members, over the ports of the coordinator in the same process. */
import type { Observable } from 'rxjs';
import { EMPTY, defer, filter, first, map, merge, mergeMap, take, throwError, timeout } from 'rxjs';
import { assert } from '../../../src/core/assert.js';
import type { Rank } from '../../../src/core/rank.js';
import type { SectorIndex } from '../../../src/core/sector.js';
import type { ToldList } from '../../../src/core/strict/extentList.js';
import type { SectorRange } from '../../../src/core/strict/range.js';
import type { Incarnations, ReplicaRequest, StateRun } from '../../../src/core/strict/replicaMessage.js';
import type { ReceivedAnswer, ReplicaPort } from '../../../src/coordinator/replicaPort.js';
import type { PeerPort } from '../replica/peerPort.js';
import type { StrictRepairOptions } from './repairOptions.js';

/** What a replica has told, and what it knew of the disks of all then. */
export interface Told {
  readonly rank: Rank;
  readonly incarnations: Incarnations;
}

export interface ToldState extends Told {
  readonly runs: readonly StateRun[];
}

/** The ports to members that can be asked now. */
export function upPorts({ strict }: Pick<StrictRepairOptions, 'strict'>): PeerPort[] {
  return [...strict.peerPorts.values()].filter(({ isUp }) => isUp);
}

type AskOptions = Pick<StrictRepairOptions, 'limits' | 'clock'>;

/** QUERY: emits STATE, and completes. Fails if the replica does not answer. */
export function askState(
  port: ReplicaPort,
  range: SectorRange,
  wantsData: boolean,
  options: AskOptions,
): Observable<ToldState> {
  return ask(port, { kind: 'query', range, wantsData }, options).pipe(
    map(({ answer, incarnations }) => {
      assert(answer.kind === 'state', 'a port passes on answers that fit their requests');
      return { rank: port.rank, runs: answer.runs, incarnations };
    }),
  );
}

/**
 * LIST: emits LISTED, and completes. Fails if the replica does not answer.
 * @param from The first sector of an extent.
 */
export function askList(port: PeerPort, from: SectorIndex, options: AskOptions): Observable<Told & ToldList> {
  return ask(port, { kind: 'list', range: { first: from, count: 1 } }, options).pipe(
    map(({ answer, incarnations }) => {
      assert(answer.kind === 'listed', 'a port passes on answers that fit their requests');
      const { next, extents } = answer;
      return { rank: port.rank, incarnations, next, extents, sectors: port.sectors };
    }),
  );
}

function ask(port: ReplicaPort, request: ReplicaRequest, { limits, clock }: AskOptions): Observable<ReceivedAnswer> {
  return defer(() => {
    let number: number | null = null;
    const answer$ = port.answer$.pipe(filter((answer) => answer.request === number));
    const down$ = port.isUp$.pipe(
      first((isUp) => !isUp),
      mergeMap(() => throwError(() => new Error(`process ${port.rank} is gone`))),
    );
    // Sent after both are subscribed to.
    const send$ = defer(() => {
      number = port.send(request);
      return number === null ? throwError(() => new Error(`process ${port.rank} does not have the sectors`)) : EMPTY;
    });
    return merge(answer$, down$, send$).pipe(take(1), timeout({ each: limits.answerMs, scheduler: clock }));
  });
}

/** E4: without those of disks that are known to be lost. */
export function ofPresentDisks<T extends Told>(
  told: readonly T[],
  { membership }: Pick<StrictRepairOptions, 'membership'>,
): T[] {
  const { remembered } = membership.current;
  return told.filter(({ rank, incarnations }) => {
    const own = incarnations[rank - 1];
    const known = remembered.get(rank)?.incarnation ?? 0;
    return own >= known && told.every((other) => other.incarnations[rank - 1] <= own);
  });
}
