/** The connections to the peers of a process, and the reports about them. */
import type { Observable } from 'rxjs';
import { ReplaySubject, Subject, filter, map, merge, share, tap } from 'rxjs';
import type { Rank } from '../../src/core/rank.js';
import { describeError } from '../../src/errors.js';
import type { Connection } from '../../src/ports/connection.js';
import { keepDialling } from '../keepDialling.js';
import type { ProcessPipelineOptions, ProcessPorts } from './processOptions.js';
import type { PeerState } from './processState.js';

export type PeerReport =
  | { readonly kind: 'peer'; readonly rank: Rank; readonly isConnected: boolean }
  /** This process has given up the connection to it, for the reason in `trouble`. */
  | { readonly kind: 'left'; readonly rank: Rank; readonly trouble: string }
  /** It could not be dialled, for the reason in `trouble`. */
  | { readonly kind: 'unreachable'; readonly rank: Rank; readonly trouble: string };

export interface Peer {
  readonly state: PeerState;
  /** Emits the reason of each attempt to dial it that failed. */
  readonly failure$: Observable<string>;
  /** The connection that this process dialled to it; null: there is none. */
  readonly connection$: Observable<Connection | null>;
}

/**
 * The connections that this process dials, one for each other process.
 * @param appeared$ Emits the rank of a process that has dialled this one. It is dialled at once, because it runs and
 * waits for answers.
 */
export function connectPeers(
  options: Pick<ProcessPipelineOptions, 'state' | 'timeouts'>,
  ports: ProcessPorts,
  appeared$: Observable<Rank>,
): Peer[] {
  const { state, timeouts } = options;
  return state.peers.map((peer) => {
    const failure = new Subject<string>();
    const connection$ = keepDialling({
      dial: () => ports.transport.dial(peer.rank),
      clock: ports.schedulers.clock,
      fraction: () => ports.random.fraction(),
      ...timeouts,
      hurry$: appeared$.pipe(filter((rank) => rank === peer.rank)),
      onFailure: (error) => {
        failure.next(describeError(error));
      },
    }).pipe(
      tap((connection) => {
        peer.isConnected = connection !== null;
        if (connection !== null) state.peerConnections.add(connection);
      }),
      share({ connector: () => new ReplaySubject(1) }),
    );
    return { state: peer, failure$: failure.asObservable(), connection$ };
  });
}

export function peerReports({ state, failure$, connection$ }: Peer): Observable<PeerReport> {
  const { rank } = state;
  return merge(
    failure$.pipe(map((trouble): PeerReport => ({ kind: 'unreachable', rank, trouble }))),
    connection$.pipe(
      map((connection): PeerReport => {
        return { kind: 'peer', rank, isConnected: connection !== null };
      }),
    ),
  );
}
