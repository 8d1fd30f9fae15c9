/**
 * What a process of the strict mode does beside its members and connections: its replica answers, and its coordinator
 * asks the replicas.
 *
 * ```
 * inbound ─► requests of clients and processes ─► replica ─► answers
 *                                                  ▲  │
 *                                             OwnPort ▼
 * inbound ─► READ, WRITE ─────────────────────► coordinator ─► responses
 *                                                  ▲  │
 * inbound ─► answers of peers ─────────────► PeerPorts ▼ ────► requests to peers
 * ```
 */
import type { Observable } from 'rxjs';
import { ignoreElements, map, merge, tap } from 'rxjs';
import type { Rank } from '../../../src/core/rank.js';
import { ofKind } from '../../ofKind.js';
import type { Outgoing } from '../../writeTogether.js';
import type { Inbound } from '../arrival.js';
import type { Peer } from '../peers.js';
import type { ProcessPipelineOptions, ProcessPorts } from '../processOptions.js';
import { clientOperations } from './clientOperations.js';
import { holdUntilKnown } from './holdUntilKnown.js';
import { healer } from './healer.js';
import { peerRequests } from './peerPorts.js';
import type { StrictPart } from './strictPart.js';
import { answers } from './strictPart.js';

/** Emits what is sent. An error means that the process has to stop. */
export function strictTraffic(
  inbound$: Observable<Inbound>,
  peers: readonly Peer[],
  strict: StrictPart,
  { self, state, membership, verdict }: ProcessPipelineOptions,
  { schedulers }: ProcessPorts,
): Observable<Outgoing> {
  const { ownPort, peerPorts, coordinator } = strict;
  const isUp = (rank: Rank): boolean => (rank === self.rank ? membership.isVoting : peerPorts.get(rank)?.isUp === true);
  const request$ = inbound$.pipe(
    ofKind('request'),
    map(({ from }) => from),
    holdUntilKnown(membership, schedulers.clock),
  );
  const voting$ = membership.voting$.pipe(
    tap((isVoting) => {
      ownPort.setUp(isVoting);
    }),
  );
  return merge(
    merge(request$, ownPort.request$).pipe(answers(strict, schedulers, () => membership.isVoting)),
    coordinator.run$,
    clientOperations(inbound$, { coordinator, ledger: state.ledger, clientTagger: verdict.clientTagger }),
    peerRequests(inbound$, peers, strict, state),
    voting$.pipe(ignoreElements()),
    healer({
      ...{ self: self.rank, processCount: self.processCount, isUp, clock: schedulers.clock },
      ...{ coordinator, store: strict.store, state: strict.state, healed: strict.healed },
      limits: strict.limits.heal,
    }),
  );
}
