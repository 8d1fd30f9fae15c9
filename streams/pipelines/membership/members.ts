/**
 * The part of a process that deals with members as such: who they are, what they have, what they have missed; and what
 * clients ask about that.
 */
import type { Observable, SchedulerLike } from 'rxjs';
import { EMPTY, Subject, concat, filter, ignoreElements, map, merge, mergeMap } from 'rxjs';
import { connect, of, switchMap, timer } from 'rxjs';
import type { MembershipEffect } from '../../../src/core/membership/membership.js';
import { finishJoining, receiveAnswer, reconsider } from '../../../src/core/membership/membership.js';
import type { Rank } from '../../../src/core/rank.js';
import { mapEach } from '../../mapEach.js';
import { ofKind } from '../../ofKind.js';
import type { Exchange, SelfEvent } from '../repair/exchange.js';
import type { Inbound } from '../arrival.js';
import { keepMembership } from './membershipState.js';
import type { Outbound } from '../outbound.js';
import type { ProcessPipelineOptions, ProcessPorts } from '../processOptions.js';
import { repair } from '../repair/repair.js';
import { mapAnswers } from '../status/sectorMaps.js';
import { listingAnswers } from './listingAnswers.js';
import { farewells, helloAfterIntroduction, hellos, hellosBack, linkHandshakeTaker } from './hellos.js';
import { answerInquiry } from '../status/inquiries.js';

export interface MemberPipelines {
  /** What is sent because of what came in. */
  outbound(inbound$: Observable<Inbound>): Observable<Outbound>;
  /** Its own votes on operations that began while it did not vote. */
  readonly vote$: Observable<SelfEvent>;
  readonly repair$: Observable<never>;
}

export function memberPipelines(options: ProcessPipelineOptions, ports: ProcessPorts): MemberPipelines {
  const { membership, state, self } = options;
  const { exchange } = state;
  const { clock } = ports.schedulers;
  const answer = listingAnswers(options, ports);
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
        roundOfQuestions(options, clock),
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
        inbound$.pipe(ofKind('introduced'), mapEach(helloAfterIntroduction)),
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
  { membership, timeouts, state }: ProcessPipelineOptions,
  clock: SchedulerLike,
): Observable<MembershipEffect[]> {
  const { current } = membership;
  return concat(of(0), timer(timeouts.graceMs, clock)).pipe(
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
  { membership, state, verdict, timeouts }: ProcessPipelineOptions,
  clock: SchedulerLike,
): Observable<MembershipEffect[]> {
  const { exchange } = state;
  const { current } = membership;
  const anySector = verdict.shard?.index ?? 0;
  const question = (rank: Rank): Observable<MembershipEffect[]> =>
    exchange.fetch(rank, anySector).pipe(map(() => receiveAnswer(current, rank)));
  const round$ = timer(timeouts.graceMs, clock).pipe(
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
