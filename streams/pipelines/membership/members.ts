/**
 * The part of a process that deals with the members of the cluster: their identities, their lists of sectors and their
 * repairs. It also answers the inquiries of clients about these.
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
import { strictRepair } from '../repair/strictRepair.js';
import { mapAnswers } from '../status/sectorMaps.js';
import { listingAnswers } from './listingAnswers.js';
import { farewells, helloAfterIntroduction, hellos, hellosBack, linkHandshakeTaker } from './hellos.js';
import { answerInquiry } from '../status/inquiries.js';

export interface MemberPipelines {
  /** Emits the messages that are sent because of arrived ones. */
  outbound(inbound$: Observable<Inbound>): Observable<Outbound>;
  /** The process's own votes on operations that began while it did not vote. */
  readonly vote$: Observable<SelfEvent>;
  readonly repair$: Observable<never>;
}

export function memberPipelines(options: ProcessPipelineOptions, ports: ProcessPorts): MemberPipelines {
  const { membership, state, self, strict } = options;
  const { exchange } = state;
  const { clock } = ports.schedulers;
  const answer = listingAnswers(options, ports);
  const answerMap = mapAnswers(options, ports);
  const own$ = new Subject<readonly MembershipEffect[]>();

  const common = {
    ...{ self: self.rank, processCount: self.processCount, sectors: options.verdict.sectors },
    ...{ limits: options.repair, state, membership, notes: ports.notes, clock },
    rebuilt: () => {
      own$.next(finishJoining(membership.current));
    },
  };

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
        membership.raised$,
      ).pipe(filter((effects) => effects.length > 0));
      return merge(
        // Some effects come at once on subscription: both branches have to be subscribed by then.
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

    repair$:
      strict === null ? repair({ ...common, exchange, store: ports.store }) : strictRepair({ ...common, strict }),
  };
}

/** The effects of what the process decides at its start, and again after `graceMs`. */
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

/** A process that is not part of the cluster completes no WRITE, so its clients have to find another process. */
function letClientsGo({ ledger, sessions }: ProcessPipelineOptions['state']): void {
  for (const session of sessions) {
    if (ledger.bySession.has(session)) session.connection.destroy();
  }
}

/**
 * A process that is still fresh after `graceMs` asks each peer that has not said HELLO for a value. Foreign members
 * send nothing until they are asked, and an unasked message of theirs may be a recorded one. An answer to a question of
 * this boot cannot be one.
 */
function roundOfQuestions(
  { membership, state, verdict, timeouts, strict }: ProcessPipelineOptions,
  clock: SchedulerLike,
): Observable<MembershipEffect[]> {
  const { exchange } = state;
  const { current } = membership;
  const anySector = verdict.shard?.index ?? 0;
  const question = (rank: Rank): Observable<MembershipEffect[]> =>
    exchange.fetch(rank, anySector).pipe(map(() => receiveAnswer(current, rank)));
  const round$ = timer(timeouts.graceMs, clock).pipe(
    // Peers of the strict mode give no values.
    mergeMap(() => (strict === null ? state.peers : [])),
    filter(({ rank }) => current.heard.get(rank)?.kind !== 'hello' && !current.answered.has(rank)),
    mergeMap(({ rank }) => question(rank)),
  );
  return membership.memberState$.pipe(switchMap((memberState) => (memberState === 'fresh' ? round$ : EMPTY)));
}

/**
 * A foreign member may answer nothing before it has a receipt for its own question, and a fresh process gives none. But
 * its receipt for a question of this boot counts as an answer.
 */
function receiptTaker({ current }: ProcessPipelineOptions['membership'], exchange: Exchange) {
  return ({ receipt }: Extract<Inbound, { kind: 'receipt' }>): MembershipEffect[] => {
    const { sender, id } = receipt;
    return exchange.isAsking(sender, id) ? receiveAnswer(current, sender) : [];
  };
}

/** Emits this process's votes on operations that began while it did not vote, once it votes. */
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
