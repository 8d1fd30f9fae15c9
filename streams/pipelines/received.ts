/** Everything that arrives at a process, over whichever connection. */
import type { Observable } from 'rxjs';
import { mergeMap, filter, merge } from 'rxjs';
import type { Peer } from './peers.js';
import type { ProcessPipelineOptions, ProcessPorts } from './processOptions.js';
import type { Inbound } from './arrival.js';
import type { Rank } from '../../src/core/rank.js';
import { SERVER_MESSAGES, PEER_MESSAGES } from '../../src/wire/messageTypes.js';
import type { MessageTable } from '../../src/wire/messageTypes.js';
import type { Connection } from '../../src/ports/connection.js';
import { serveConnection } from './inbound.js';

/** Emits everything that arrives: over the connections that others opened, and over those that this process dialled. */
export function received(
  peers: readonly Peer[],
  options: ProcessPipelineOptions,
  { transport, schedulers, random }: ProcessPorts,
): Observable<Inbound> {
  const byRank = new Map(options.state.peers.map((peer) => [peer.rank, peer]));
  const receivedFrom = (rank: Rank): void => {
    const peer = byRank.get(rank);
    if (peer !== undefined) peer.lastReceivedMs = schedulers.clock.now();
  };
  const serve = (table: MessageTable, dialled: Rank | null, trust: (connection: Connection) => void) =>
    mergeMap((connection: Connection) =>
      serveConnection(connection, {
        verdict: options.verdict,
        table,
        dialled,
        state: options.state,
        limits: options.limits,
        timeouts: options.timeouts,
        schedulers,
        random,
        isAdmitting: options.isAdmitting,
        strict: options.strict,
        receivedFrom,
        trust,
      }),
    );
  const accepted$ = transport.connections$.pipe(
    serve(SERVER_MESSAGES, null, (connection) => {
      transport.trust(connection);
    }),
  );
  const dialled = peers.map(({ state: peer, connection$ }) =>
    connection$.pipe(
      filter((connection) => connection !== null),
      serve(PEER_MESSAGES, peer.rank, () => undefined),
    ),
  );
  return merge(accepted$, ...dialled);
}
