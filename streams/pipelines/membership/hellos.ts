/** Says HELLO to peers, over the connections that this process has dialled. */
import type { Observable, SchedulerLike } from 'rxjs';
import { map, merge, mergeMap, take, timer } from 'rxjs';
import { receiveHandshake, linkHandshake } from '../../../src/core/link/negotiation.js';
import { LINK_TOKEN_NONE } from '../../../src/core/membership/memberMessage.js';
import type { MembershipEffect } from '../../../src/core/membership/membership.js';
import { helloTo } from '../../../src/core/membership/membership.js';
import type { Rank } from '../../../src/core/rank.js';
import { serializeMemberMessage } from '../../../src/wire/memberMessages.js';
import { ofKind } from '../../ofKind.js';
import type { Inbound } from '../arrival.js';
import type { Outbound } from '../outbound.js';
import type { ProcessPipelineOptions } from '../processOptions.js';
import type { PeerState } from '../processState.js';
import { openingTo } from './introductions.js';

type LinkHandshakeOf = Extract<Inbound, { kind: 'linkHandshake' }>;

/** How many hellos a peer gets that has made a new connection, and how many milliseconds lie between two of them. */
const HELLOS_BACK = 4;
const HELLO_AGAIN_MS = 500;
/** Milliseconds between the two hellos for a peer that has ended its half of a connection: longer than a round trip. */
const FAREWELL_MS = 100;

/**
 * The messages of this process at the start of a connection to that peer. A peer that has not shown that it speaks
 * version 2 of HELLO gets one of version 1 as well. @returns bytes of frames
 */
export function openingHello(peer: PeerState, options: ProcessPipelineOptions): Uint8Array {
  const { self, membership, verdict } = options;
  const { rank, negotiation, opening } = peer;
  const sender = self.rank;
  const parts = [openingTo(peer, options)];
  if (opening.receivedToken === LINK_TOKEN_NONE) {
    const { memberState, storage, incarnation, known, incarnations } = helloTo(membership.current, rank);
    const old = { memberState, storage, incarnation, known, incarnations };
    const content = { kind: 'oldHello', ...old } as const;
    parts.push(serializeMemberMessage({ sender, content }, verdict.systemTagger));
  }
  if (negotiation.features !== 0) {
    const content = { kind: 'link', ...linkHandshake(negotiation) } as const;
    parts.push(serializeMemberMessage({ sender, content }, verdict.systemTagger));
  }
  return Buffer.concat(parts);
}

/**
 * The messages for a peer that has answered the first hello of a connection. They are a second hello, which shows who
 * this process is, and once more everything that was sent before it, because the peer has not taken that in.
 */
export function helloAfterIntroduction({ rank }: { readonly rank: Rank }): Outbound[] {
  const again = { kind: 'link', addressed: { to: rank, command: { kind: 'again' } } } as const;
  return [helloCommandFor(rank), again];
}

export function hellos(effects: readonly MembershipEffect[]): Outbound[] {
  if (!effects.some(({ kind }) => kind === 'sendHello')) return [];
  return [helloCommandFor('all')];
}

function helloCommandFor(to: Rank | 'all'): Outbound {
  return { kind: 'link', addressed: { to, command: { kind: 'sendHello' } } };
}

/**
 * A peer that has started again waits for the hello of this process. The connection to it may have broken unnoticed
 * while there was nothing to send. Then its system answers the first hello with a reset, a later hello shows that, and
 * the next connection begins with a hello.
 */
export function hellosBack(inbound$: Observable<Inbound>, clock: SchedulerLike): Observable<Outbound> {
  return merge(inbound$.pipe(ofKind('newcomer')), inbound$.pipe(ofKind('knock'))).pipe(
    mergeMap(({ rank }) =>
      timer(0, HELLO_AGAIN_MS, clock).pipe(
        take(HELLOS_BACK),
        map(() => helloCommandFor(rank)),
      ),
    ),
  );
}

/**
 * A peer that has ended its half of the connection to it has most likely died. Then its system answers a hello with a
 * reset, and a second hello shows that, so that the peer is dialled again. Without these hellos the next message for
 * the peer would be lost instead. It might be an answer, which the peer asks for again only much later.
 */
export function farewells(inbound$: Observable<Inbound>, clock: SchedulerLike): Observable<Outbound> {
  return inbound$.pipe(
    ofKind('ended'),
    mergeMap(({ rank }) =>
      timer(0, FAREWELL_MS, clock).pipe(
        take(2),
        map(() => helloCommandFor(rank)),
      ),
    ),
  );
}

/**
 * Takes in the LINK messages of peers. @returns a hello to the peer if its connection is a new one, so that it learns
 * at once that this process knows of the connection.
 */
export function linkHandshakeTaker(peers: readonly PeerState[]) {
  return ({ rank, news }: LinkHandshakeOf): Outbound[] => {
    const negotiation = peers.find((peer) => peer.rank === rank)?.negotiation;
    if (negotiation === undefined || negotiation.features === 0) return [];
    if (!receiveHandshake(negotiation, news)) return [];
    return [{ kind: 'link', addressed: { to: rank, command: { kind: 'sendHello' } } }];
  };
}
