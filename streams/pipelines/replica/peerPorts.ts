/** When the ports to the replicas of peers are up, and what goes over them. */
import type { Observable } from 'rxjs';
import { filter, ignoreElements, map, merge, tap } from 'rxjs';
import { isFatal } from '../../../src/core/membership/configuration.js';
import { LINK_TOKEN_NONE } from '../../../src/core/membership/memberMessage.js';
import type { Connection } from '../../../src/ports/connection.js';
import { FEATURE_PACKS } from '../../../src/wire/constants.js';
import { ofKind } from '../../ofKind.js';
import type { Inbound } from '../arrival.js';
import type { Peer, PeerReport } from '../peers.js';
import type { PeerState, ProcessState } from '../processState.js';
import type { Outgoing } from '../../writeTogether.js';
import type { PeerPort, ReadyPeer } from './peerPort.js';
import type { StrictPart } from './strictPart.js';

type PartOfState = Pick<ProcessState, 'membership' | 'differences'>;

/**
 * What the peer has shown over the connection that this process has dialled to it; null: not enough. It has answered
 * HELLO, by which it is the process of that rank. It has said by LINK that it understands PACK, with the token of this
 * connection and only after this process had proven itself over it. By its latest HELLO it is a member: others answer
 * nothing.
 */
export function readyPeer({ rank, opening, negotiation }: PeerState, state: PartOfState): ReadyPeer | null {
  if (opening.receivedToken === LINK_TOKEN_NONE || (negotiation.agreed & FEATURE_PACKS) === 0) return null;
  if ((state.differences.answered.get(rank) ?? []).some(isFatal)) return null;
  const { heard, configuration } = state.membership.current;
  const one = heard.get(rank);
  if (one?.kind !== 'hello' || one.hello.memberState !== 'member') return null;
  return { sectors: one.hello.configuration?.sectors ?? configuration.sectors };
}

/**
 * Keeps the ports to peers, and emits what goes over them. What comes by `inbound$` must have had its effect on what is
 * known of peers before.
 */
export function peerRequests(
  inbound$: Observable<Inbound>,
  peers: readonly Peer[],
  { peerPorts }: Pick<StrictPart, 'peerPorts'>,
  state: PartOfState,
): Observable<Outgoing> {
  return merge(
    ...peers.flatMap(({ state: peer, connection$ }) => {
      const port = peerPorts.get(peer.rank);
      return port === undefined ? [] : [keepPort(port, peer, inbound$, connection$, state)];
    }),
  );
}

function keepPort(
  port: PeerPort,
  peer: PeerState,
  inbound$: Observable<Inbound>,
  connection$: Observable<Connection | null>,
  state: PartOfState,
): Observable<Outgoing> {
  const connected$ = connection$.pipe(
    tap((connection) => {
      port.setConnection(connection);
    }),
  );
  const heard$ = inbound$.pipe(
    ofKind('heard'),
    filter(({ rank }) => rank === peer.rank),
    tap(() => {
      port.setReady(readyPeer(peer, state));
    }),
  );
  const ended$ = inbound$.pipe(
    ofKind('ended'),
    filter(({ rank }) => rank === peer.rank),
    tap(() => {
      port.ended();
    }),
  );
  return merge(port.outgoing$, merge(connected$, heard$, ended$, port.run$).pipe(ignoreElements()));
}

/** Why connections were given up. */
export function portTroubles({ peerPorts }: Pick<StrictPart, 'peerPorts'>): Observable<PeerReport> {
  return merge(
    ...Array.from(peerPorts, ([rank, { trouble$ }]) =>
      trouble$.pipe(map((trouble): PeerReport => ({ kind: 'left', rank, trouble }))),
    ),
  );
}
