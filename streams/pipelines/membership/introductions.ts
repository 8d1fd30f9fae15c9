/**
 * The handling of the messages by which the two ends of a connection show each other who they are
 * (src/core/membership/introduction.ts).
 */
import type { Difference } from '../../../src/core/membership/configuration.js';
import { differencesBetween, foundingDifference, isFatal } from '../../../src/core/membership/configuration.js';
import { renewOpening } from '../../../src/core/membership/introduction.js';
import type { Hello, LinkHandshake, OldHello } from '../../../src/core/membership/memberMessage.js';
import { LINK_TOKEN_NONE } from '../../../src/core/membership/memberMessage.js';
import type { MembershipEffect } from '../../../src/core/membership/membership.js';
import {
  receiveHello,
  receiveOpening,
  helloTo,
  isKnownAlready,
  meetStranger,
} from '../../../src/core/membership/membership.js';
import { canMeet } from '../../../src/core/membership/transition.js';
import type { ProcessMessage } from '../../../src/core/message.js';
import type { Rank } from '../../../src/core/rank.js';
import { isMember } from '../../../src/core/rank.js';
import type { Random } from '../../../src/ports/random.js';
import { FEATURE_HELLO } from '../../../src/wire/constants.js';
import type { HelloEnvelope } from '../../../src/wire/helloMessage.js';
import { serializeHello } from '../../../src/wire/helloMessage.js';
import type { VerdictOptions } from '../../../src/wire/verdict.js';
import type { Inbound } from '../arrival.js';
import type { PeerState, ProcessState } from '../processState.js';
import type { Session } from '../session.js';

export interface IntroductionOptions {
  readonly verdict: Pick<VerdictOptions, 'self' | 'processCount' | 'systemTagger'>;
  readonly state: Pick<
    ProcessState,
    'membership' | 'peers' | 'differences' | 'registers' | 'disavowals' | 'sessions' | 'missed'
  >;
  readonly random: Random;
  /** The process that this one dialled; null: the connection was opened from the other side. */
  readonly dialled: Rank | null;
}

export function takeHello(
  session: Session,
  envelope: HelloEnvelope,
  hello: Hello,
  options: IntroductionOptions,
): Inbound[] {
  return options.dialled === null
    ? takeOpening(session, envelope, hello, options)
    : takeAnswer(session, options.dialled, envelope, hello, options);
}

/**
 * A HELLO to a peer over the connection that this process dialled, the first or a later one. @returns bytes of a frame
 */
export function openingTo(
  { rank, opening }: PeerState,
  { verdict, state }: Pick<IntroductionOptions, 'verdict' | 'state'>,
): Uint8Array {
  const { token, receivedToken: echo } = opening;
  return helloBytes({ addressee: rank, token, echo }, { verdict, state });
}

/** A new connection to that peer was made: it gets this token. */
export function beginOpening({ opening }: PeerState, token: string): void {
  renewOpening(opening, token);
}

function helloBytes(
  envelope: Omit<HelloEnvelope, 'sender'>,
  { verdict, state }: Pick<IntroductionOptions, 'verdict' | 'state'>,
): Uint8Array {
  const { current } = state.membership;
  const content = { ...helloTo(current, envelope.addressee), configuration: current.configuration };
  const sender = verdict.self;
  return serializeHello({ sender, ...envelope }, content, verdict.systemTagger);
}

/** A HELLO from the side that has dialled this process. */
function takeOpening(
  session: Session,
  { sender, addressee, token, echo }: HelloEnvelope,
  hello: Hello,
  options: IntroductionOptions,
): Inbound[] {
  const { introduction, connection } = session;
  const { verdict, state, random } = options;
  if (introduction.token === LINK_TOKEN_NONE) introduction.token = random.operationId();
  if (echo !== introduction.token) {
    const isOpening = introduction.state === 'silent' || introduction.state === 'claimed';
    // Any other HELLO without the right echo was recorded, on another connection or earlier on this one.
    if (!isOpening || introduction.old !== null || echo !== LINK_TOKEN_NONE) return [];
    introduction.state = 'claimed';
    const answer = { addressee: sender, token: introduction.token, echo: token };
    return [send(session, helloBytes(answer, options))];
  }
  const isForOther = addressee !== verdict.self;
  const differences = isForOther
    ? [{ field: 'addressee', own: verdict.self, peer: addressee } as const]
    : differencesOf(hello, options);
  const reported = reportDifferences(session, sender, differences, state.differences.heard);
  const { current } = state.membership;
  if (differences.some(isFatal)) {
    introduction.state = 'refused';
    session.hello = null;
    if (isForOther) {
      // The other messages of this connection are meant for another process as well.
      session.isRefused = true;
      connection.end();
      return reported;
    }
    return differences.some(({ field }) => field === 'founding')
      ? [...reported, ...changes(meetStranger(current, sender, hello), state)]
      : reported;
  }
  // Its rank has to be that of another process of this cluster.
  if (!isMember(sender, verdict.processCount) || sender === verdict.self) return [];
  introduction.state = 'proven';
  return [...reported, ...accept(session, sender, hello, options)];
}

/** A HELLO from the side that this process has dialled. */
function takeAnswer(
  session: Session,
  dialled: Rank,
  { sender, addressee, token, echo }: HelloEnvelope,
  hello: Hello,
  options: IntroductionOptions,
): Inbound[] {
  const { state, verdict } = options;
  const peer = state.peers.find(({ rank }) => rank === dialled);
  if (peer === undefined || addressee !== verdict.self) return [];
  const { opening } = peer;
  if (opening.token === LINK_TOKEN_NONE || echo !== opening.token) return [];
  if (sender !== dialled) {
    const difference = { field: 'rank', own: dialled, peer: sender } as const;
    // The next hello has to show the other side this difference as well.
    opening.receivedToken = token;
    const reported = reportDifferences(session, dialled, [difference], state.differences.answered);
    return [...reported, { kind: 'introduced', rank: dialled }];
  }
  const differences = differencesOf(hello, options);
  const reported = reportDifferences(session, sender, differences, state.differences.answered);
  const isNew = opening.receivedToken !== token;
  opening.receivedToken = token;
  const effects = receiveOpening(state.membership.current, sender, hello);
  return [...reported, ...changes(effects, state), ...(isNew ? [{ kind: 'introduced', rank: sender } as const] : [])];
}

function differencesOf(hello: Hello, options: IntroductionOptions): Difference[] {
  const { current } = options.state.membership;
  const { own, configuration } = current;
  const differences: Difference[] = [];
  if (hello.configuration !== null) {
    const found = differencesBetween(configuration, hello.configuration);
    differences.push(...found.filter(({ field }) => field !== 'mode' || !canMeet(current, hello)));
  }
  const founding = foundingDifference(own.founding, hello.founding);
  return founding === null ? differences : [founding, ...differences];
}

function reportDifferences(
  { connection }: Session,
  rank: Rank,
  differences: readonly Difference[],
  book: Map<Rank, readonly Difference[]>,
): Inbound[] {
  book.set(rank, differences);
  const { remote } = connection;
  return differences.map((difference) => ({ kind: 'differs', rank, remote, difference }));
}

/** The other side has shown that it is that process. */
function accept(session: Session, sender: Rank, hello: Hello, { state }: IntroductionOptions): Inbound[] {
  const { storage, incarnation } = hello;
  const isNew = session.hello === null;
  session.hello = { rank: sender, storage, incarnation };
  const effects = receiveHello(state.membership.current, sender, hello);
  const newcomer: Inbound[] = isNew ? [{ kind: 'newcomer', rank: sender }] : [];
  return [...changes(effects, state), ...newcomer];
}

/** A HELLO of version 1: see `Introduction`. */
export function takeOldHello(session: Session, sender: Rank, old: OldHello, options: IntroductionOptions): Inbound[] {
  const { introduction } = session;
  const isFirst = introduction.state === 'silent';
  // A peer that speaks version 2 sends this one as well, because not every process understands version 2.
  if (options.dialled !== null || (!isFirst && introduction.old === null)) return [];
  introduction.old = { rank: sender, hello: old };
  if (introduction.state === 'proven') return acceptOld(session, sender, old, options);
  introduction.state = 'claimed';
  if (isKnownAlready(options.state.membership.current, sender, old)) {
    const { storage, incarnation } = old;
    session.hello = { rank: sender, storage, incarnation };
  }
  if (!isFirst) return [];
  return [{ kind: session.hello === null ? 'knock' : 'newcomer', rank: sender }];
}

/** A LINK whose echo shows that a process of version 1 is running. */
export function takeProof(
  session: Session,
  sender: Rank,
  { echo, features }: LinkHandshake,
  options: IntroductionOptions,
): Inbound[] {
  const { introduction } = session;
  const { old } = introduction;
  if (old?.rank !== sender || introduction.state !== 'claimed') return [];
  const negotiation = options.state.peers.find(({ rank }) => rank === sender)?.negotiation;
  const isEcho = negotiation !== undefined && negotiation.token !== LINK_TOKEN_NONE;
  if (!isEcho || echo !== negotiation.token || (features & FEATURE_HELLO) !== 0) return [];
  return prove(session, sender, old.hello, options);
}

const ANSWERS: ReadonlySet<ProcessMessage['content']['kind']> = new Set([...(['value', 'stamp', 'ack'] as const)]);

/**
 * If one of the two has the extension off, no LINK has an echo. Then a process of version 1 shows the same by an answer
 * to a recent question of this process, because the question's id was drawn here.
 */
export function takeAnswerAsProof(
  session: Session,
  { sender, content }: ProcessMessage,
  options: IntroductionOptions,
): Inbound[] {
  const { old, state } = session.introduction;
  if (old?.rank !== sender || state !== 'claimed') return [];
  if (!ANSWERS.has(content.kind)) return [];
  const { peers, missed, sessions } = options.state;
  const late = missed.peers.get(sender);
  const isAsked =
    peers.some(({ rank, outbox }) => rank === sender && outbox.questions.has(content.id)) ||
    late?.young.has(content.id) === true ||
    late?.old.has(content.id) === true;
  return isAsked && !speaksVersion2(sender, sessions) ? prove(session, sender, old.hello, options) : [];
}

/** Whether that process has shown over an open connection that it speaks version 2. */
function speaksVersion2(rank: Rank, sessions: ReadonlySet<Session>): boolean {
  for (const { hello, introduction, hasEnded } of sessions) {
    if (hasEnded || introduction.old !== null) continue;
    if (hello?.rank === rank && introduction.state === 'proven') return true;
  }
  return false;
}

function prove(session: Session, sender: Rank, old: OldHello, options: IntroductionOptions): Inbound[] {
  session.introduction.state = 'proven';
  session.hello = null;
  return acceptOld(session, sender, old, options);
}

function acceptOld(session: Session, sender: Rank, old: OldHello, options: IntroductionOptions): Inbound[] {
  const silent = { wasInUse: false, isFounder: false, isVouched: false, hasData: false };
  const open = { isReady: false, isDrained: false };
  const hello: Hello = { ...old, ...silent, ...open, founding: null, configuration: null };
  options.state.differences.heard.delete(sender);
  return accept(session, sender, hello, options);
}

/** The disavowals come first: later messages of the same connection may rely on them. */
function changes(
  effects: readonly MembershipEffect[],
  { registers, disavowals }: IntroductionOptions['state'],
): Inbound[] {
  if (effects.length === 0) return [];
  const events = disavowals.begin(effects, registers).map((event): Inbound => ({ kind: 'event', event }));
  return [...events, { kind: 'membership', effects }];
}

function send({ connection }: Session, content: Uint8Array): Inbound {
  return { kind: 'send', outgoing: { connection, content } };
}
