import type { Observable } from 'rxjs';
import { Subject } from 'rxjs';
import type { Ledger } from '../../src/core/ledger.js';
import { mayBegin } from '../../src/core/ledger.js';
import type { Incarnation, StorageId } from '../../src/core/membership/identity.js';
import type { RegisterMessageKind } from '../../src/core/message.js';
import type { Introduction } from '../../src/core/membership/introduction.js';
import { newIntroduction } from '../../src/core/membership/introduction.js';
import type { OperationId } from '../../src/core/operation.js';
import type { Rank } from '../../src/core/rank.js';
import type { Connection } from '../../src/ports/connection.js';
import type { Outgoing } from '../writeTogether.js';

/**
 * What is known of one connection: what it has under way decides whether it is read from. This is where every queue of
 * the process gets its bound; whoever adds work for a connection asks `regulate` afterwards.
 */
export interface Session {
  readonly connection: Connection;
  /** Whether it is one that this process dialled: for what it has to say, not for being asked. */
  readonly isDialled: boolean;
  /** Process messages taken in and not handled yet, by what `messageKey` calls them. */
  readonly handling: Set<string>;
  /** Wrong tags not atoned for yet. */
  penaltyCount: number;
  isTrusted: boolean;
  /** Its other side shares its sectors out otherwise: nothing of it is taken in. */
  isRefused: boolean;
  /** Whether its other side has shown who it is. */
  readonly introduction: Introduction;
  /** Who its other side has shown it is; null: it has not, as foreign ones do not. */
  hello: SessionHello | null;
  /** The other side sends nothing more. */
  hasEnded: boolean;
  /** … and nothing more will be sent to it: `regulate` has said so. */
  isDone: boolean;
  isPaused: boolean;
  /** Emits when the connection may be read from again: first what waits of it, then the socket. */
  readonly released$: Observable<void>;
  readonly release: () => void;
}

export interface SessionHello {
  readonly rank: Rank;
  readonly storage: StorageId;
  readonly incarnation: Incarnation;
}

export interface SessionLimits {
  readonly processMessagesPerConnection: number;
  readonly clientBufferBytes: number;
}

/** Where an event came from: the session whose message it was, and how to send a receipt for it. */
export interface Origin {
  readonly session: Session;
  /** For a process message, what a receipt has to name; null for a client's request. */
  readonly receipt: ReceiptDue | null;
  /** Who the other side had said that it was when it came. */
  readonly hello: SessionHello | null;
}

export interface ReceiptDue {
  readonly peer: Rank;
  readonly receiptFor: RegisterMessageKind;
  readonly id: OperationId;
}

export function newSession(connection: Connection, isDialled: boolean): Session {
  const released = new Subject<void>();
  return {
    released$: released.asObservable(),
    release: () => {
      released.next();
    },
    connection,
    isDialled,
    handling: new Set(),
    penaltyCount: 0,
    isTrusted: false,
    isRefused: false,
    introduction: newIntroduction(),
    hello: null,
    hasEnded: false,
    isDone: false,
    isPaused: false,
  };
}

/**
 * Reads on or stops reading. Returns, once, the end of the connection when the other side has ended and nothing of its
 * is under way any more: that is how a client knows that what it asked for and got no answer to can no longer take
 * effect (docs/adr/0006-client-resubmission.md).
 *
 * A connection that this process dialled is not ended because its other side has nothing to say: a peer may close that
 * half at once and go on reading. If it is gone, the next bytes sent show it.
 */
export function regulate(session: Session, ledger: Ledger<Session>, limits: SessionLimits): Outgoing[] {
  const { connection } = session;
  if (session.hasEnded) {
    if (session.isDone || session.isDialled || session.handling.size > 0 || ledger.bySession.has(session)) {
      return [];
    }
    session.isDone = true;
    return [{ connection, content: null }];
  }
  const mayRead =
    session.penaltyCount === 0 &&
    session.handling.size < limits.processMessagesPerConnection &&
    (session.isDialled || connection.bufferedBytes <= limits.clientBufferBytes) &&
    mayBegin(ledger, session);
  if (mayRead === session.isPaused) {
    session.isPaused = !mayRead;
    if (mayRead) session.release();
    else connection.pause();
  }
  return [];
}

/** Names a process message among those of one session. */
export function messageKey(kind: RegisterMessageKind, id: OperationId): string {
  return `${kind} ${id}`;
}
