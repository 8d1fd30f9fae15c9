/**
 * The whole of a process between its sockets and its disk. This file only composes the parts.
 *
 * ```
 * connections ─► received ─► registers ─► outbound ─► links ─► writeTogether ─► sockets
 *                  │          │ ▲  ▲                              ▲
 *                  │          │ │  └── store                      │
 *                  │          └─┘ loopback                        │
 *                  └───────────── refusals, receipts ─────────────┘
 * ```
 *
 * The feedback edges besides the loopback are in ARCHITECTURE.md.
 */
import type { Observable } from 'rxjs';
import { EMPTY, Subject, connect, defer, filter, map, merge, tap } from 'rxjs';
import type { Rank } from '../../src/core/rank.js';
import { incarnationsOf } from '../../src/core/membership/membership.js';
import { Bundler } from '../../src/wire/bundle.js';
import { packTogether } from '../../src/wire/strict/outgoingPack.js';
import { mapEach } from '../mapEach.js';
import { ofKind } from '../ofKind.js';
import type { Batch } from '../writeTogether.js';
import { writeTogether } from '../writeTogether.js';
import type { Inbound } from './arrival.js';
import { outgoing, toOutgoing } from './links.js';
import { memberPipelines } from './membership/members.js';
import type { Outbound } from './outbound.js';
import { dispatch, outboundOptions, takeReceipt, welcome } from './outbound.js';
import type { PeerReport } from './peers.js';
import { connectPeers, peerReports } from './peers.js';
import type { ProcessPipelineOptions, ProcessPorts } from './processOptions.js';
import { received } from './received.js';
import { registers, wantBootNumber } from './registers.js';
import { strictTraffic } from './replica/strictTraffic.js';
import { portTroubles } from './replica/peerPorts.js';

/** A batch for a socket, or an event for the log. */
export type ProcessOutput =
  { readonly kind: 'write'; readonly batch: Batch } | Extract<Inbound, { kind: 'dropped' | 'differs' }> | PeerReport;

/** Runs until unsubscribed; an error means that the process has to stop. */
export function processPipeline(options: ProcessPipelineOptions, ports: ProcessPorts): Observable<ProcessOutput> {
  return defer(() => {
    const { self, verdict, state, strict } = options;
    const { exchange } = state;
    // Feedback: a process that has made a connection runs, so it is dialled at once.
    const appeared = new Subject<Rank>();
    const peers = connectPeers(options, ports, appeared);
    const members = memberPipelines(options, ports);
    const out = outboundOptions(options, ports.random);
    const bundler = new Bundler(self.rank, verdict.systemTagger);
    return received(peers, options, ports).pipe(
      tap((input) => {
        if (input.kind === 'newcomer' || input.kind === 'knock') appeared.next(input.rank);
      }),
      connect((inbound$) => {
        const arrived$ = inbound$.pipe(
          ofKind('event'),
          map(({ event }) => event),
        );
        const outcome$ = merge(arrived$, exchange.event$, members.vote$).pipe(
          registers(options, ports),
          filter((outcome) => exchange.isWanted(outcome)),
          tap((outcome) => {
            exchange.takeOutcome(outcome);
            state.disavowals.handled(outcome.cause);
            wantBootNumber(outcome, options);
          }),
        );
        const outbound$ = merge(
          // First, because a hello has to leave before the answers to later messages: see the effect `sendHello`.
          members.outbound(inbound$),
          outcome$.pipe(mapEach((outcome) => dispatch(outcome, out))),
          inbound$.pipe(
            ofKind('receipt'),
            mapEach(({ receipt }) => takeReceipt(receipt, out)),
          ),
          inbound$.pipe(
            ofKind('newcomer'),
            mapEach(({ rank }) => welcome(rank, out)),
          ),
          exchange.command$.pipe(map((addressed): Outbound => ({ kind: 'link', addressed }))),
        );
        const strict$ = strict === null ? EMPTY : strictTraffic(inbound$, peers, strict, options, ports);
        const refusal$ = inbound$.pipe(ofKind('send'), map(toOutgoing));
        return merge(
          outbound$.pipe(
            connect((shared$) => merge(refusal$, outgoing(shared$, peers, options, ports), strict$)),
            writeTogether(ports.schedulers.turn, (contents) => {
              const { packs, others } = packTogether(contents, () => incarnationsOf(state.membership.current));
              return [...bundler.pack(others), ...packs];
            }),
            map((batch): ProcessOutput => ({ kind: 'write', batch })),
          ),
          inbound$.pipe(ofKind('dropped')),
          inbound$.pipe(ofKind('differs')),
          members.repair$,
          options.bootNumber.keep(ports.schedulers.clock),
          ...peers.map(peerReports),
          strict === null ? EMPTY : portTroubles(strict),
        );
      }),
    );
  });
}
