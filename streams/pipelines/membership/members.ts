/**
 * The part of a process that deals with members as such: who they are, what they have, what they have missed; and what
 * clients ask about that.
 */
import type { Observable, SchedulerLike } from 'rxjs';
import { EMPTY, Subject, concat, filter, ignoreElements, map, merge, mergeMap } from 'rxjs';
import { catchError, connect, finalize, of, switchMap, take, timer } from 'rxjs';
import { unreachable } from '../../../src/core/assert.js';
import { receiveHandshake, linkHandshake } from '../../../src/core/link/negotiation.js';
import type { Inquiry } from '../../../src/core/membership/memberMessage.js';
import { ENTRIES_MAX, LINK_TOKEN_NONE } from '../../../src/core/membership/memberMessage.js';
import type { MembershipEffect } from '../../../src/core/membership/membership.js';
import {
  finishJoining,
  receiveAnswer,
  helloTo,
  isOutdated,
  reconsider,
} from '../../../src/core/membership/membership.js';
import type { Rank } from '../../../src/core/rank.js';
import { NoSpace } from '../../../src/ports/blockFiles.js';
import type { SectorStore } from '../../../src/ports/store.js';
import { serializeMemberMessage, serializeReport } from '../../../src/wire/serialize.js';
import { mapEach } from '../../mapEach.js';
import { ofKind } from '../../ofKind.js';
import type { Exchange, SelfEvent } from '../repair/exchange.js';
import type { Inbound } from '../arrival.js';
import { openingTo } from './introductions.js';
import { keepMembership } from './membershipState.js';
import type { Outbound } from '../outbound.js';
import type { ProcessPipelineOptions, ProcessPorts } from '../processOptions.js';
import type { PeerState } from '../processState.js';
import { repair } from '../repair/repair.js';
import { mapAnswers } from '../status/sectorMaps.js';
import type { StatusReport } from '../status/statusReport.js';
import { reportOf, textOfReport } from '../status/statusReport.js';

type Listing = Extract<Inbound, { kind: 'listing' }>;
type LinkHandshakeOf = Extract<Inbound, { kind: 'linkHandshake' }>;
type InquiryOf = Extract<Inbound, { kind: 'inquiry' }>;

/** So often a peer is helloSent that has made a new connection, and after so many ms again. */
const HELLOS_BACK = 4;
const HELLO_AGAIN_MS = 500;
/** A peer that is gone is helloSent a second time after so many ms: a round trip has passed then. */
const FAREWELL_MS = 100;

export interface MemberPipelines {
  /** What is sent because of what came in. */
  outbound(inbound$: Observable<Inbound>): Observable<Outbound>;
  /** Its own votes on operations that began while it did not vote. */
  readonly vote$: Observable<SelfEvent>;
  readonly repair$: Observable<never>;
}

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

export function memberPipelines(
  options: ProcessPipelineOptions,
  ports: ProcessPorts,
  exchange: Exchange,
): MemberPipelines {
  const { membership, state, self } = options;
  const { clock } = ports.schedulers;
  const answer = listingAnswers(options, ports, exchange);
  const answerMap = mapAnswers(options, ports);
  const own$ = new Subject<readonly MembershipEffect[]>();

  return {
    outbound: (inbound$) => {
      const effects$ = merge(
        inbound$.pipe(
          ofKind('membership'),
          map(({ effects }) => effects),
        ),
        graceOf(options, clock),
        roundOfQuestions(options, exchange, clock),
        inbound$.pipe(ofKind('receipt'), map(receiptTaker(membership, exchange))),
        own$,
      ).pipe(filter((effects) => effects.length > 0));
      return merge(
        // Some come at once: both have to be there.
        effects$.pipe(
          connect((shared$) =>
            merge(
              shared$.pipe(mapEach(hellos)),
              keepMembership(shared$, membership, ports.notes, clock).pipe(ignoreElements()),
            ),
          ),
        ),
        hellosBack(inbound$, clock),
        inbound$.pipe(ofKind('linkHandshake'), mapEach(linkHandshakeTaker(state.peers))),
        inbound$.pipe(ofKind('introduced'), mapEach(introductions)),
        farewells(inbound$, clock),
        inbound$.pipe(
          ofKind('listing'),
          mergeMap((listing) => answer(listing)),
        ),
        inbound$.pipe(ofKind('map'), map(answerMap)),
        inbound$.pipe(
          ofKind('inquiry'),
          map((inquiry) => answerInquiry(inquiry, options, ports)),
        ),
      );
    },

    vote$: ownVotes(options),

    repair$: repair({
      self: self.rank,
      processCount: self.processCount,
      sectors: options.verdict.sectors,
      limits: options.repair,
      state,
      membership,
      exchange,
      store: ports.store,
      notes: ports.notes,
      clock,
      rebuilt: () => {
        own$.next(finishJoining(membership.current));
      },
    }),
  };
}

/** What the process decides when it starts, and when time enough has passed. */
function graceOf(
  { membership, graceMs, state }: ProcessPipelineOptions,
  clock: SchedulerLike,
): Observable<MembershipEffect[]> {
  const { current } = membership;
  return concat(of(0), timer(graceMs, clock)).pipe(
    map((_, index) => {
      current.isGraceOver = index > 0;
      const effects = reconsider(current);
      if (current.isGraceOver && current.own.memberState === 'fresh') letClientsGo(state);
      return effects;
    }),
  );
}

/** A process that takes no part completes no WRITE: their clients have to find one that does. */
function letClientsGo({ ledger, sessions }: ProcessPipelineOptions['state']): void {
  for (const session of sessions) {
    if (ledger.bySession.has(session)) session.connection.destroy();
  }
}

/**
 * A process that is still fresh when time enough has passed asks who has not said HELLO something that has an answer.
 * Foreign members say nothing as long as nobody wants anything of them, and what they do say anybody may have sent
 * again; not so the answer to a question of this life.
 */
function roundOfQuestions(
  { membership, state, verdict, graceMs }: ProcessPipelineOptions,
  exchange: Exchange,
  clock: SchedulerLike,
): Observable<MembershipEffect[]> {
  const { current } = membership;
  const anySector = verdict.shard?.index ?? 0;
  const question = (rank: Rank): Observable<MembershipEffect[]> =>
    exchange.fetch(rank, anySector).pipe(map(() => receiveAnswer(current, rank)));
  const round$ = timer(graceMs, clock).pipe(
    mergeMap(() => state.peers),
    filter(({ rank }) => current.heard.get(rank)?.kind !== 'hello' && !current.answered.has(rank)),
    mergeMap(({ rank }) => question(rank)),
  );
  return membership.memberState$.pipe(switchMap((memberState) => (memberState === 'fresh' ? round$ : EMPTY)));
}

/**
 * A foreign member may answer nothing before it has a receipt for what it has asked itself, which a fresh process does
 * not give. But its own receipt for a question of this life is a word.
 */
function receiptTaker({ current }: ProcessPipelineOptions['membership'], exchange: Exchange) {
  return ({ receipt }: Extract<Inbound, { kind: 'receipt' }>): MembershipEffect[] => {
    const { sender, id } = receipt;
    return exchange.isAsking(sender, id) ? receiveAnswer(current, sender) : [];
  };
}

/** On operations that began while this process did not vote. */
function ownVotes({ membership, state, self }: ProcessPipelineOptions): Observable<SelfEvent> {
  return membership.voting$.pipe(
    filter((isVoting) => isVoting),
    mapEach(() => {
      const votes: SelfEvent[] = [];
      for (const [sector, { running }] of state.registers) {
        if (running?.phase !== 'read') continue;
        const message = { kind: 'readProc', id: running.operation.id } as const;
        const event = { kind: 'message', from: self.rank, message } as const;
        votes.push({ sector, event, origin: null });
      }
      return votes;
    }),
  );
}

/** What was sent to it before it knew who this process is it has not taken in. */
function introductions({ rank }: { readonly rank: Rank }): Outbound[] {
  const again = { kind: 'link', addressed: { to: rank, command: { kind: 'again' } } } as const;
  return [helloCommandFor(rank), again];
}

function hellos(effects: readonly MembershipEffect[]): Outbound[] {
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
function hellosBack(inbound$: Observable<Inbound>, clock: SchedulerLike): Observable<Outbound> {
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
function farewells(inbound$: Observable<Inbound>, clock: SchedulerLike): Observable<Outbound> {
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
function linkHandshakeTaker(peers: readonly PeerState[]) {
  return ({ rank, news }: LinkHandshakeOf): Outbound[] => {
    const negotiation = peers.find((peer) => peer.rank === rank)?.negotiation;
    if (negotiation === undefined || negotiation.features === 0) return [];
    if (!receiveHandshake(negotiation, news)) return [];
    return [{ kind: 'link', addressed: { to: rank, command: { kind: 'sendHello' } } }];
  };
}

/**
 * Answers only as a member, and only a peer whose disk is on record here as it is now, and when no operation of this
 * process counts what its former disk has said: what it takes in rests on that, and on this process having told all
 * others of that disk first. It asks again; also when there is no answer since this disk has no room at all.
 */
function listingAnswers(options: ProcessPipelineOptions, { store }: ProcessPorts, exchange: Exchange) {
  const { membership, self, verdict, state } = options;
  const busy = new Set<Rank>();
  return ({ session, message }: Listing): Observable<Outbound> => {
    const { sender, content } = message;
    const { hello } = session;
    if (content.kind === 'listed') {
      const isLost = hello !== null && isOutdated(membership.current, sender, hello);
      if (!isLost) exchange.takeListed(sender, content);
      return EMPTY;
    }
    const known = membership.durable.get(sender);
    const isKnown =
      hello !== null &&
      known !== undefined &&
      known.storage === hello.storage &&
      known.incarnation === hello.incarnation;
    if (!isKnown || !membership.isVoting || busy.has(sender)) return EMPTY;
    if (state.disavowals.areWaiting(sender)) return EMPTY;
    busy.add(sender);
    return store.list(content.from, ENTRIES_MAX + 1).pipe(
      map((entries): Outbound => {
        const listed = {
          kind: 'listed',
          id: content.id,
          from: content.from,
          next: entries.length > ENTRIES_MAX ? entries[ENTRIES_MAX].sector : null,
          entries: entries.slice(0, ENTRIES_MAX),
          written: store.counts().written,
        } as const;
        const signed = { sender: self.rank, content: listed };
        const message = serializeMemberMessage(signed, verdict.systemTagger);
        const command = { kind: 'reply', key: `listed ${content.id}`, message } as const;
        return { kind: 'link', addressed: { to: sender, command } };
      }),
      catchError((error: unknown) => {
        if (error instanceof NoSpace) return EMPTY;
        throw error;
      }),
      finalize(() => busy.delete(sender)),
    );
  };
}

function answerInquiry(
  { session, inquiry, requestNumber }: InquiryOf,
  options: ProcessPipelineOptions,
  { store }: ProcessPorts,
): Outbound {
  const text = textOfReport(answerTo(inquiry, options, store));
  const bytes = serializeReport(inquiry, requestNumber, text, options.verdict.clientTagger);
  return { kind: 'send', outgoing: { connection: session.connection, content: bytes } };
}

/** Does what the inquiry asks for. @returns how things are then. */
export function answerTo(inquiry: Inquiry, options: ProcessPipelineOptions, store: SectorStore): StatusReport {
  switch (inquiry) {
    case 'scrub':
      options.state.repair.scrub.isWanted = true;
      break;
    case 'status':
      break;
    default:
      unreachable(inquiry);
  }
  return reportOf(options, options.state, options.membership, store.counts());
}
