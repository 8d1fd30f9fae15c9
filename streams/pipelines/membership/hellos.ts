/** When a process tells a peer who it is, over the connection that it dialled to it. */
import type { Observable, SchedulerLike } from 'rxjs';
import { map, merge, mergeMap, take, timer } from 'rxjs';
import { receiveHandshake, linkHandshake } from '../../../src/core/link/negotiation.js';
import { LINK_TOKEN_NONE } from '../../../src/core/membership/memberMessage.js';
import type { MembershipEffect } from '../../../src/core/membership/membership.js';
import { helloTo } from '../../../src/core/membership/membership.js';
import type { Rank } from '../../../src/core/rank.js';
import { serializeMemberMessage } from '../../../src/wire/serialize.js';
import { ofKind } from '../../ofKind.js';
import type { Inbound } from '../arrival.js';
import type { Outbound } from '../outbound.js';
import type { ProcessPipelineOptions } from '../processOptions.js';
import type { PeerState } from '../processState.js';
import { openingTo } from './introductions.js';

type LinkHandshakeOf = Extract<Inbound, { kind: 'linkHandshake' }>;

/** So often a peer is helloSent that has made a new connection, and after so many ms again. */
const HELLOS_BACK = 4;
const HELLO_AGAIN_MS = 500;
/** A peer that is gone is helloSent a second time after so many ms: a round trip has passed then. */
const FAREWELL_MS = 100;

/** Who has not shown to speak version 2 of HELLO is told in version 1 as well. */
export function openingHello(record: PeerState, options: ProcessPipelineOptions): Uint8Array {
  const { self, membership, verdict } = options;
  const { rank, negotiation, opening } = record;
  const sender = self.rank;
  const parts = [openingTo(record, options)];
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

/** What was sent to it before it knew who this process is it has not taken in. */
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
 * A peer that has started again waits to hear who this process is. The connection to it may have died unnoticed while
 * there was nothing to send: a first hello is answered with a reset, a later one shows that, and the next connection
 * begins with one.
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
 * A peer that has ended its half of the connection to it has most likely died. Then a hello is answered with a reset,
 * and the next one shows that, so that it is dialled anew; else the next message for it would have to, and be lost: an
 * answer that its sender asks for again much later.
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

/** A peer whose connection is a new one is told at once that we know of it. */
export function linkHandshakeTaker(peers: readonly PeerState[]) {
  return ({ rank, news }: LinkHandshakeOf): Outbound[] => {
    const negotiation = peers.find((peer) => peer.rank === rank)?.negotiation;
    if (negotiation === undefined || negotiation.features === 0) return [];
    if (!receiveHandshake(negotiation, news)) return [];
    return [{ kind: 'link', addressed: { to: rank, command: { kind: 'sendHello' } } }];
  };
}
