/**
 * The whole of a process between its sockets and its disk. Composition only: what each part does stands in the part.
 *
 * ```
 * connections ─► inbound ─► registers ─► outbound ─► links ─► writeTogether ─► sockets
 *                  │         │ ▲  ▲                              ▲
 *                  │         │ │  └── store                      │
 *                  │         └─┘ loopback                        │
 *                  └───────────── refusals, receipts ────────────┘
 * ```
 */
import type { Observable } from 'rxjs';
import { connect, defer, filter, map, merge, mergeMap, tap } from 'rxjs';
import { assert } from '../../src/core/assert.js';
import type { OperationId } from '../../src/core/operation.js';
import { isAbandoned } from '../../src/core/ledger.js';
import { renewLink } from '../../src/core/link/negotiation.js';
import type { Rank } from '../../src/core/rank.js';
import type { SectorIndex } from '../../src/core/sector.js';
import type { RegisterEvent } from '../../src/core/register/event.js';
import type { Self } from '../../src/core/register/step.js';
import type { StampPolicy } from '../../src/core/stamp.js';
import { STAMP_POLICY_PLAIN } from '../../src/core/stamp.js';
import type { Connection } from '../../src/ports/connection.js';
import type { Random } from '../../src/ports/random.js';
import { PEER_MESSAGES, SERVER_MESSAGES } from '../../src/wire/messageTypes.js';
import type { MessageTable } from '../../src/wire/messageTypes.js';
import { delayByKey } from '../delayByKey.js';
import { mapEach } from '../mapEach.js';
import { ofKind } from '../ofKind.js';
import type { SectorEvent, SectorOutcome } from '../reduceRegisters.js';
import { reduceRegisters } from '../reduceRegisters.js';
import { deferUntil } from '../deferUntil.js';
import { stubbornLink } from '../stubbornLink.js';
import { withLoopback } from '../withLoopback.js';
import type { Batch, Outgoing } from '../writeTogether.js';
import { writeTogether } from '../writeTogether.js';
import { Bundler } from '../../src/wire/bundle.js';
import { isOfLostDisk } from './membership/disavowals.js';
import { Exchange } from './repair/exchange.js';
import type { Inbound } from './arrival.js';
import { serveConnection } from './inbound.js';
import { beginOpening } from './membership/introductions.js';
import { openingHello, memberPipelines } from './membership/members.js';
import type { Outbound, OutboundOptions } from './outbound.js';
import { dispatch, takeReceipt, welcome } from './outbound.js';
import { newReceiptBook } from './receipts.js';
import { noteDamaged } from './processState.js';
import type { ProcessPipelineOptions, ProcessPorts } from './processOptions.js';
import type { Peer, PeerReport } from './peers.js';
import { connectPeers, peerReports } from './peers.js';
import type { Origin } from './session.js';

/** What the process wants done, or known. */
export type ProcessOutput =
  { readonly kind: 'write'; readonly batch: Batch } | Extract<Inbound, { kind: 'dropped' | 'differs' }> | PeerReport;

type ProcessEvent = SectorEvent<Origin | null>;
type ProcessOutcome = SectorOutcome<Origin | null>;

/** Runs until unsubscribed; an error means that the process has to stop. */
export function processPipeline(options: ProcessPipelineOptions, ports: ProcessPorts): Observable<ProcessOutput> {
  return defer(() => {
    const peers = connectPeers(options, ports);
    const { self, verdict, state } = options;
    const { systemTagger } = verdict;
    const exchange = new Exchange({ self: self.rank, systemTagger, random: ports.random });
    state.repair.questions = () => exchange.pendingCount;
    const outboundOptions = outboundOptionsOf(options, ports.random);
    const members = memberPipelines(options, ports, exchange);
    const bundler = new Bundler(self.rank, systemTagger);
    return inbound(peers, options, ports).pipe(
      connect((inbound$) => {
        const outcome$ = merge(
          inbound$.pipe(
            ofKind('event'),
            map(({ event }) => event),
          ),
          exchange.event$,
          members.vote$,
        ).pipe(
          registers(options, ports),
          filter((outcome) => exchange.takeOutcome(outcome)),
          tap((outcome) => {
            state.disavowals.handled(outcome.cause);
            wantNumber(outcome, options);
          }),
        );
        const outbound$ = merge(
          // Before what is done with messages that came later: see the effects `greet`.
          members.outbound(inbound$),
          outcome$.pipe(mapEach((outcome) => dispatch(outcome, outboundOptions))),
          inbound$.pipe(
            ofKind('receipt'),
            mapEach(({ receipt }) => takeReceipt(receipt, outboundOptions)),
          ),
          inbound$.pipe(
            ofKind('newcomer'),
            mapEach(({ rank }) => welcome(rank, outboundOptions)),
          ),
          exchange.command$.pipe(map((addressed): Outbound => ({ kind: 'link', addressed }))),
        );
        const refusal$ = inbound$.pipe(ofKind('send'), map(toOutgoing));
        return merge(
          outbound$.pipe(
            connect((shared$) => merge(refusal$, outgoing(shared$, peers, options, ports))),
            writeTogether(ports.schedulers.turn, (contents) => bundler.pack(contents)),
            map((batch): ProcessOutput => ({ kind: 'write', batch })),
          ),
          inbound$.pipe(ofKind('dropped')),
          inbound$.pipe(ofKind('differs')),
          members.repair$,
          options.bootNumber.keep(ports.schedulers.clock),
          ...peers.map(peerReports),
        );
      }),
    );
  });
}

/** All that arrives: over connections that others opened, and over those that we did. */
function inbound(
  peers: readonly Peer[],
  options: ProcessPipelineOptions,
  { transport, schedulers, random }: ProcessPorts,
): Observable<Inbound> {
  const byRank = new Map(peers.map((peer) => [peer.record.rank, peer]));
  const heard = (rank: Rank): void => {
    const peer = byRank.get(rank);
    if (peer !== undefined) peer.record.lastReceivedMs = schedulers.clock.now();
  };
  const serve = (table: MessageTable, dialled: Rank | null, trust: (connection: Connection) => void) =>
    mergeMap((connection: Connection) =>
      serveConnection(connection, {
        verdict: options.verdict,
        table,
        dialled,
        state: options.state,
        limits: options.session,
        badTagPenaltyMs: options.badTagPenaltyMs,
        silentMs: options.linkSilentMs,
        schedulers,
        random,
        isAdmitting: options.isAdmitting,
        heard,
        trust,
      }),
    );
  const accepted$ = transport.connections$.pipe(
    serve(SERVER_MESSAGES, null, (connection) => {
      transport.trust(connection);
    }),
  );
  const dialled = peers.map(({ record, connection$ }) =>
    connection$.pipe(
      filter((connection) => connection !== null),
      serve(PEER_MESSAGES, record.rank, () => undefined),
    ),
  );
  return merge(accepted$, ...dialled).pipe(
    tap((input) => {
      const isThere = input.kind === 'newcomer' || input.kind === 'knock';
      if (isThere) byRank.get(input.rank)?.appeared.next();
    }),
  );
}

/** A value of this process that had to be stored first. */
function wantNumber(outcome: ProcessOutcome, options: ProcessPipelineOptions): void {
  const { isExtended, membership, bootNumber, self } = options;
  if (!isExtended || outcome.kind !== 'done' || outcome.effects.length === 0) return;
  const [first] = outcome.effects;
  if (first.kind !== 'store' || first.stamp.writeRank !== self.rank) return;
  if (!membership.current.isMixed) bootNumber.want();
}

function isQuestion(event: RegisterEvent, self: Rank): boolean {
  if (event.kind !== 'message' || event.from === self) return false;
  return event.message.kind === 'readProc' || event.message.kind === 'readStamp';
}

/** The operation, if a WRITE begins. */
function writeOf(event: RegisterEvent): OperationId | null {
  return event.kind === 'begin' && event.operation.kind === 'write' ? event.operation.id : null;
}

/** This process as its registers see it. */
function selfOf({ self, membership, ...options }: ProcessPipelineOptions): () => Self {
  const { isExtended, bootNumber } = options;
  let isVoting: boolean | null = null;
  let stamps: StampPolicy = STAMP_POLICY_PLAIN;
  let current: Self = self;
  return () => {
    const { isMixed, own } = membership.current;
    const { incarnation } = own;
    const boot = isExtended && !isMixed ? bootNumber.current : 0;
    // Foreign members may expect timestamps that go up by one.
    const isPlain = isMixed && incarnation === 0 && !bootNumber.wasEverUsed;
    const isSame =
      isVoting === membership.isVoting &&
      stamps.incarnation === incarnation &&
      stamps.boot === boot &&
      stamps.isPlain === isPlain;
    if (!isSame) {
      ({ isVoting } = membership);
      stamps = { incarnation, boot, isPlain };
      current = { ...self, stamps, asksStamps: isExtended, isSilent: !isVoting };
    }
    return current;
  };
}

/** Registers, fed with what they send to themselves and with what found no room. */
function registers(options: ProcessPipelineOptions, { store, schedulers }: ProcessPorts) {
  const { self, stripes, fullRetryMs, fetchMs, state, membership } = options;
  const { clock } = schedulers;
  return withLoopback<ProcessEvent, ProcessOutcome>(
    (event$) =>
      event$.pipe(
        // Who does not know yet which incarnation it is has no stamp yet.
        deferUntil({
          earlyName: ({ event }) => (membership.mayStamp ? null : writeOf(event)),
          due$: membership.mayStamp$,
          // The register drops it then: it takes no operation further whose client is gone.
          endsWaitOf: ({ event }) => (event.kind === 'abandon' ? event.id : null),
        }),
        reduceRegisters({
          self: selfOf(options),
          store,
          stripes,
          registers: state.registers,
          // Nor has who does not know whether it may vote an answer: its peers ask again.
          isTooEarly: (event) => membership.memberState === 'fresh' && isQuestion(event, self.rank),
          isVoid: (cause) => isOfLostDisk(cause, membership.current),
          isAbandoned: (id) => isAbandoned(state.ledger, id),
          damaged: (sector) => {
            noteDamaged(state.repair, sector);
          },
        }),
      ),
    (outcome$) =>
      merge(
        outcome$.pipe(mapEach((outcome) => messagesToSelf(outcome, self.rank))),
        outcome$.pipe(
          mapEach((outcome) => (outcome.kind === 'full' ? ownStep(outcome.cause, self.rank) : [])),
          delayByKey({ delayMs: fullRetryMs, clock, keyOf: operationOf }),
          // What nobody waits for any more may wait for the next READ of its sector.
          filter((event) => state.ledger.entries.has(operationOf(event))),
        ),
        outcome$.pipe(
          mapEach(fetched),
          delayByKey({ delayMs: fetchMs, clock, keyOf: ({ id }) => id }),
          map(({ id, sector }): ProcessEvent => {
            return { sector, event: { kind: 'widen', id }, origin: null };
          }),
        ),
      ),
  );
}

/** The operations that wait for the value of one process now. */
function fetched(outcome: ProcessOutcome): { id: OperationId; sector: SectorIndex }[] {
  if (outcome.kind !== 'done') return [];
  const last = outcome.effects.at(-1);
  if (last?.kind !== 'fetch') return [];
  return [{ id: last.message.id, sector: outcome.cause.sector }];
}

function messagesToSelf(outcome: ProcessOutcome, self: Rank): ProcessEvent[] {
  const events: ProcessEvent[] = [];
  if (outcome.kind !== 'done') return events;
  for (const effect of outcome.effects) {
    if (effect.kind !== 'broadcast') continue;
    const { message } = effect;
    const event = { kind: 'message', from: self, message } as const;
    events.push({ sector: outcome.cause.sector, event, origin: null });
  }
  return events;
}

/**
 * A step of an operation of this process that found no room: nobody else would repeat it. (It is the answer that
 * completes a quorum, or a message to itself; a peer repeats its WRITE_PROC.)
 */
function ownStep({ sector, event }: ProcessEvent, self: Rank): ProcessEvent[] {
  if (event.kind !== 'message') return [];
  const { kind } = event.message;
  const isOwn = event.from === self || kind === 'value' || kind === 'stamp';
  return isOwn ? [{ sector, event, origin: null }] : [];
}

function operationOf({ event }: ProcessEvent): OperationId {
  assert(event.kind === 'message', 'only messages are stored');
  return event.message.id;
}

/** Responses and receipts as they are; messages to peers through the link of each. */
function outgoing(
  outbound$: Observable<Outbound>,
  peers: readonly Peer[],
  options: ProcessPipelineOptions,
  { schedulers, random }: ProcessPorts,
): Observable<Outgoing> {
  const command$ = outbound$.pipe(
    ofKind('link'),
    map(({ addressed }) => addressed),
  );
  const links = peers.map(({ record, connection$ }) =>
    command$.pipe(
      filter(({ to }) => to === record.rank || to === 'all'),
      map(({ command }) => command),
      stubbornLink({
        connection$,
        clock: schedulers.clock,
        outbox: record.outbox,
        hello: (isNewConnection) => {
          const { negotiation } = record;
          if (isNewConnection) {
            beginOpening(record, random.operationId());
            if (options.isExtended) renewLink(negotiation, random.operationId());
          }
          return openingHello(record, options);
        },
        isExtended: () => record.negotiation.agreed !== 0,
        bufferBytes: options.linkBufferBytes,
        silentMs: options.linkSilentMs,
        lastReceivedMs: () => record.lastReceivedMs,
      }),
    ),
  );
  return merge(outbound$.pipe(ofKind('send'), map(toOutgoing)), ...links);
}

function toOutgoing({ outgoing: value }: { readonly outgoing: Outgoing }): Outgoing {
  return value;
}

function outboundOptionsOf(options: ProcessPipelineOptions, random: Random): OutboundOptions {
  return {
    self: options.self.rank,
    clientTagger: options.verdict.clientTagger,
    systemTagger: options.verdict.systemTagger,
    ledger: options.state.ledger,
    limits: options.session,
    receipts: newReceiptBook(options.linkReplies),
    missed: options.state.missed,
    random,
  };
}
