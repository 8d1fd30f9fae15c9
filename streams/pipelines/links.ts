/** From messages for peers to bytes on the connections that this process dialled. */
import type { Observable } from 'rxjs';
import { map, filter, merge } from 'rxjs';
import type { Outbound } from './outbound.js';
import type { Peer } from './peers.js';
import type { ProcessPipelineOptions, ProcessPorts } from './processOptions.js';
import type { Outgoing } from '../writeTogether.js';
import { ofKind } from '../ofKind.js';
import { stubbornLink } from '../stubbornLink.js';
import { beginOpening } from './membership/introductions.js';
import { renewLink } from '../../src/core/link/negotiation.js';
import { openingHello } from './membership/hellos.js';

/** Sends responses and receipts as they are, and messages to peers through the link of each peer. */
export function outgoing(
  outbound$: Observable<Outbound>,
  peers: readonly Peer[],
  options: ProcessPipelineOptions,
  { schedulers, random }: ProcessPorts,
): Observable<Outgoing> {
  const command$ = outbound$.pipe(
    ofKind('link'),
    map(({ addressed }) => addressed),
  );
  const links = peers.map(({ state: peer, connection$ }) =>
    command$.pipe(
      filter(({ to }) => to === peer.rank || to === 'all'),
      map(({ command }) => command),
      stubbornLink({
        connection$,
        clock: schedulers.clock,
        outbox: peer.outbox,
        hello: (isNewConnection) => {
          const { negotiation } = peer;
          if (isNewConnection) {
            beginOpening(peer, random.operationId());
            if (negotiation.features !== 0) renewLink(negotiation, random.operationId());
          }
          return openingHello(peer, options);
        },
        isExtended: () => peer.negotiation.agreed !== 0,
        bufferBytes: options.limits.linkBufferBytes,
        silentMs: options.timeouts.linkSilentMs,
        lastReceivedMs: () => peer.lastReceivedMs,
      }),
    ),
  );
  return merge(outbound$.pipe(ofKind('send'), map(toOutgoing)), ...links);
}

export function toOutgoing({ outgoing: value }: { readonly outgoing: Outgoing }): Outgoing {
  return value;
}
