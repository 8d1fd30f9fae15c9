/** From the bytes of a connection to events of registers: decode, parse, authenticate, admit. */
import type { Observable } from 'rxjs';
import {
  concat,
  concatMap,
  connect,
  defer,
  endWith,
  filter,
  finalize,
  merge,
  mergeWith,
  observeOn,
  takeUntil,
  tap,
  timer,
} from 'rxjs';
import { unreachable } from '../../src/core/assert.js';
import { RequestWindow } from '../../src/core/strict/requestWindow.js';
import type { Ledger } from '../../src/core/ledger.js';
import { abandonOperations, enterOperation } from '../../src/core/ledger.js';
import type { SignedMemberMessage } from '../../src/core/membership/memberMessage.js';
import { receiveBase, isOutdated } from '../../src/core/membership/membership.js';
import type { ClientRequest, ProcessMessage } from '../../src/core/message.js';
import type { Rank } from '../../src/core/rank.js';
import type { ClientOperation } from '../../src/core/register/clientOperation.js';
import type { Connection } from '../../src/ports/connection.js';
import type { Random } from '../../src/ports/random.js';
import type { Schedulers } from '../../src/ports/schedulers.js';
import { SIZE_FRAME_UNPROVEN_MAX, TYPE_READ, TYPE_WRITE } from '../../src/wire/constants.js';
import type { MessageTable } from '../../src/wire/messageTypes.js';
import { serializeReport } from '../../src/wire/inquiryMessages.js';
import { serializeResponse } from '../../src/wire/serialize.js';
import { SIZE_PACK_MAX } from '../../src/wire/strict/layout.js';
import type { Verdict, VerdictOptions } from '../../src/wire/verdict.js';
import { authenticate } from '../authenticate.js';
import { decodeFrames } from '../decodeFrames.js';
import { holdWhile } from '../holdWhile.js';
import { mapEach } from '../mapEach.js';
import { parseFrames } from '../parseFrames.js';
import type { Outgoing } from '../writeTogether.js';
import type { Inbound } from './arrival.js';
import { dropped } from './arrival.js';
import { answerToOpen } from './opening.js';
import { takeAnswerAsProof, takeHello, takeOldHello, takeProof } from './membership/introductions.js';
import type { ProcessState } from './processState.js';
import { admitPack, mayPack, refuseOpenPeer, senderInOpenMode } from './replica/admitPack.js';
import type { StrictPart } from './replica/strictPart.js';
import type { SessionLimits } from './session.js';
import { Session, messageKey } from './session.js';
import type { ProcessTimeouts } from './processOptions.js';

type PartOfState =
  | 'ledger'
  | 'sessions'
  | 'registers'
  | 'membership'
  | 'disavowals'
  | 'peerConnections'
  | 'peers'
  | 'differences'
  | 'missed';

export interface InboundOptions {
  readonly verdict: VerdictOptions;
  readonly table: MessageTable;
  readonly state: Pick<ProcessState, PartOfState>;
  readonly limits: SessionLimits;
  readonly timeouts: Pick<ProcessTimeouts, 'badTagPenaltyMs' | 'linkSilentMs'>;
  readonly schedulers: Schedulers;
  readonly random: Random;
  /** The process that this one dialled; null: the connection was opened from the other side. */
  readonly dialled: Rank | null;
  /** Whether new client operations are begun; false once the process is shutting down. */
  readonly isAdmitting: () => boolean;
  /** null: this process is of the open mode. */
  readonly strict: StrictPart | null;
  /** Called when a message of that process has come. */
  readonly receivedFrom: (rank: Rank) => void;
  /** Called when the other side of the connection has sent something with a right tag. */
  readonly trust: (connection: Connection) => void;
}

/**
 * Serves one connection until it ends. Then its operations that have not begun their write phase are given up, so that
 * the client may ask another process.
 */
export function serveConnection(connection: Connection, options: InboundOptions): Observable<Inbound> {
  return defer(() => {
    const { dialled, state } = options;
    const { ledger, sessions } = state;
    const { strict } = options;
    const window = strict === null ? null : new RequestWindow(strict.limits.window);
    const session = new Session(connection, dialled !== null, ledger, options.limits, window);
    sessions.add(session);
    const closed$ = connection.closed$.pipe(endWith(null));
    const drained$ = connection.drained$.pipe(
      mapEach(() => session.drained().map(toSend)),
      takeUntil(closed$),
    );
    // A peer that is gone sends no receipts, and asks again if it comes back (ADR 12). After this time its messages are
    // forgotten.
    const forgotten$ = timer(options.timeouts.linkSilentMs, options.schedulers.clock).pipe(
      mapEach(() => session.forgotten().map(toSend)),
      takeUntil(closed$),
    );
    const end$ = defer(() => {
      const ended = [...abandonAll(session, ledger, strict), ...session.ended().map(toSend)];
      if (dialled !== null) ended.push({ kind: 'ended', rank: dialled });
      return session.handlingCount === 0 ? ended : concat(ended, forgotten$);
    });
    return connection.bytes$.pipe(
      decodeFrames(options.table, () => (mayPack(session, options) ? SIZE_PACK_MAX : SIZE_FRAME_UNPROVEN_MAX)),
      holdWhile({
        isHeld: () => session.isPaused,
        released$: session.released$.pipe(observeOn(options.schedulers.turn)),
        onEmpty: () => {
          connection.resume();
        },
        // A request that has not begun when its client is gone is dropped.
        keepAtEnd: ({ type }) => type.code !== TYPE_READ && type.code !== TYPE_WRITE,
      }),
      parseFrames(),
      authenticate(options.verdict),
      connect((verdict$) => {
        const admitted$ = verdict$.pipe(
          mapEach((verdict) => {
            const admitted = admit(session, verdict, options);
            const due = session.entered();
            return due.length === 0 ? admitted : [...admitted, ...due.map(toSend)];
          }),
        );
        return merge(penalties(verdict$, session, options), concat(admitted$, end$));
      }),
      mergeWith(drained$),
      finalize(() => {
        sessions.delete(session);
        strict?.state.coordinators.gone(session);
      }),
    );
  });
}

/** For each wrong tag that comes over it, the connection is not read for `badTagPenaltyMs`. */
function penalties(
  verdict$: Observable<Verdict>,
  session: Session,
  { timeouts, schedulers }: InboundOptions,
): Observable<Inbound> {
  return verdict$.pipe(
    filter(hasWrongTag),
    tap(() => {
      session.penalise();
    }),
    concatMap(() => timer(timeouts.badTagPenaltyMs, schedulers.clock)),
    mapEach(() => session.atoned().map(toSend)),
  );
}

function toSend(outgoing: Outgoing): Inbound {
  return { kind: 'send', outgoing };
}

function hasWrongTag(verdict: Verdict): boolean {
  return (
    (verdict.kind === 'refused' && verdict.response.status === 'authFailure') ||
    (verdict.kind === 'dropped' && verdict.reason === 'badTag')
  );
}

function admit(session: Session, verdict: Verdict, options: InboundOptions): Inbound[] {
  if (session.isRefused) return [];
  const openPeer = options.strict === null ? null : senderInOpenMode(verdict);
  if (openPeer !== null) return refuseOpenPeer(session, openPeer, options.state.membership.current);
  switch (verdict.kind) {
    case 'request':
      showTrust(session, options);
      if (isUseless(options.state)) {
        // The client has to find a process that is part of the cluster.
        session.isRefused = true;
        session.connection.destroy();
        return [];
      }
      return options.isAdmitting() ? [beginOperation(session, verdict.request, options)] : [];
    case 'refused': {
      const bytes = serializeResponse(verdict.response, options.verdict.clientTagger);
      if (verdict.response.status !== 'authFailure') showTrust(session, options);
      return [toSend({ connection: session.connection, content: bytes })];
    }
    case 'processMessage':
      showPeer(session, options);
      options.receivedFrom(verdict.message.sender);
      return admitMessage(session, verdict.message, options);
    case 'bundle':
      showTrust(session, options);
      options.receivedFrom(verdict.sender);
      return [
        ...verdict.messages.flatMap((message) => admitMessage(session, message, options)),
        ...(verdict.leftOut === null ? [] : [dropped(session, verdict.leftOut)]),
      ];
    case 'hello':
      showPeer(session, options);
      options.receivedFrom(verdict.envelope.sender);
      return [...takeHello(session, verdict.envelope, verdict.content, options), heard(verdict.envelope.sender)];
    case 'member':
      showPeer(session, options);
      options.receivedFrom(verdict.message.sender);
      return [...admitMember(session, verdict.message, options), heard(verdict.message.sender)];
    case 'inquiry':
    case 'map':
      showTrust(session, options);
      return [{ ...verdict, session }];
    case 'refusedInquiry': {
      const { inquiry, requestNumber } = verdict;
      const { clientTagger } = options.verdict;
      const bytes = serializeReport(inquiry, requestNumber, null, clientTagger);
      return [toSend({ connection: session.connection, content: bytes })];
    }
    case 'receipt':
      if (isOwnImplementation(verdict.receipt.sender, options.state)) return [];
      return [{ kind: 'receipt', receipt: verdict.receipt }];
    case 'shard':
      session.isRefused = true;
      session.connection.destroy();
      return [dropped(session, 'otherWorkers')];
    case 'open': {
      showTrust(session, options);
      const mode = options.strict === null ? 'open' : 'strict';
      session.hasOpened = mode === 'strict';
      const bytes = answerToOpen(verdict.open, mode, options.verdict, options.state.membership);
      return [toSend({ connection: session.connection, content: bytes })];
    }
    case 'pack':
      return admitPack(session, verdict, options);
    case 'dropped':
      return [dropped(session, verdict.reason, verdict)];
    default:
      return unreachable(verdict);
  }
}

function heard(rank: Rank): Inbound {
  return { kind: 'heard', rank };
}

/**
 * Whether that process has shown over an open connection that it is of the own implementation, which sends no receipts.
 * A receipt in its name then comes from somebody else. If it were believed, this process would wait for further
 * receipts for ever.
 */
function isOwnImplementation(rank: Rank, { sessions }: InboundOptions['state']): boolean {
  for (const { hello, hasEnded } of sessions) if (hello?.rank === rank && !hasEnded) return true;
  return false;
}

function showTrust(session: Session, options: InboundOptions): void {
  if (session.isTrusted) return;
  session.isTrusted = true;
  options.trust(session.connection);
}

/** A message with a right tag of the system key has come. */
function showPeer(session: Session, options: InboundOptions): void {
  if (!session.isTrusted) options.state.peerConnections.add(session.connection);
  showTrust(session, options);
}

function beginOperation(session: Session, request: ClientRequest, { state, random, strict }: InboundOptions): Inbound {
  const { sector, requestNumber } = request;
  const id = random.operationId();
  enterOperation(state.ledger, id, { session, sector, request: request.kind, requestNumber });
  if (strict !== null) return { kind: 'operation', id, request };
  const operation: ClientOperation =
    request.kind === 'read' ? { kind: 'read', id } : { kind: 'write', id, data: request.data };
  return {
    kind: 'event',
    event: {
      sector,
      event: { kind: 'begin', operation },
      origin: { session, receipt: null, hello: null },
    },
  };
}

/** A peer of the own implementation says HELLO before it says anything else. */
function admitMessage(session: Session, message: ProcessMessage, options: InboundOptions): Inbound[] {
  // Only a hello of version 1 is proven by an answer, and few peers send that.
  const proof = session.introduction.old === null ? [] : takeAnswerAsProof(session, message, options);
  const admitted = admitAudible(session, message, options);
  return proof.length === 0 ? admitted : [...proof, ...admitted];
}

function admitAudible(session: Session, message: ProcessMessage, { state }: InboundOptions): Inbound[] {
  const { current } = state.membership;
  const { sender } = message;
  if (!isAudible(session)) return [];
  if (session.hello?.rank !== sender) {
    const effects = receiveBase(current, sender);
    const taken = takeMessage(session, message);
    return effects.length === 0 ? taken : [{ kind: 'membership', effects }, ...taken];
  }
  if (isOutdated(current, sender, session.hello)) {
    return [dropped(session, 'outdatedSender')];
  }
  return takeMessage(session, message);
}

function admitMember(session: Session, { sender, content }: SignedMemberMessage, options: InboundOptions): Inbound[] {
  switch (content.kind) {
    case 'oldHello':
      return takeOldHello(session, sender, content, options);
    case 'link': {
      const proof = takeProof(session, sender, content, options);
      const isOwnImplementation = session.hello?.rank === sender;
      if (!isOwnImplementation) return proof;
      return [...proof, { kind: 'linkHandshake', rank: sender, news: content }];
    }
    default:
      if (!isAudible(session)) return [];
      return [{ kind: 'listing', session, message: { sender, content } }];
  }
}

/** Whether messages other than those of the introduction may be taken in from the other side. */
function isAudible({ introduction, hello }: Session): boolean {
  return introduction.state === 'silent' || introduction.state === 'proven' || hello !== null;
}

/** Whether the process is still not part of a cluster after `graceMs`. */
function isUseless({ membership }: InboundOptions['state']): boolean {
  return membership.memberState === 'fresh' && membership.current.isGraceOver;
}

/**
 * A peer repeats its unanswered messages. One that waits here already, for the disk for example, is not taken in once
 * more: it would be answered twice, and could fill all the places that the peer has.
 */
function takeMessage(session: Session, { sender, sector, content }: ProcessMessage): Inbound[] {
  const key = messageKey(content.kind, content.id);
  if (!session.take(key)) return [];
  const receipt = { peer: sender, receiptFor: content.kind, id: content.id };
  const event = { kind: 'message', from: sender, message: content } as const;
  const { hello } = session;
  return [{ kind: 'event', event: { sector, event, origin: { session, receipt, hello } } }];
}

/**
 * The operations are marked at once, and dropped when their sectors have handled these events. The mark keeps events of
 * theirs that wait in the queue of a sector from taking them further before that.
 */
function abandonAll(session: Session, ledger: Ledger<Session>, strict: StrictPart | null): Inbound[] {
  return abandonOperations(ledger, session).map(({ id, sector }) => {
    if (strict !== null) return { kind: 'abandoned', id };
    return { kind: 'event', event: { sector, event: { kind: 'abandon', id }, origin: null } };
  });
}
