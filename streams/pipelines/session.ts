/** One connection of a process: what it has under way, and which process is at its other end. */
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
import type { ReplicaRequest } from '../../src/core/strict/replicaMessage.js';
import type { RequestWindow } from '../../src/core/strict/requestWindow.js';
import type { Connection } from '../../src/ports/connection.js';
import type { Outgoing } from '../writeTogether.js';
import type { AdmissionEvent, Load, Admission } from '../../src/core/admission.js';
import { ADMISSION_INITIAL, admit } from '../../src/core/admission.js';

/**
 * The state that a process keeps of one connection. The connection is read only while it has little enough under way:
 * this bounds every queue of the process.
 *
 * Every change of what is under way is a method here, so that none can be forgotten. Each method returns what has to be
 * sent because of the change. That is the end of the connection, once, when the other side has ended and nothing of it
 * is under way any more. From this end a client knows that an unanswered request can no longer take effect
 * (docs/adr/0006-client-resubmission.md).
 */
export class Session {
  isTrusted = false;
  /** The connection was refused: nothing more is taken in from it. */
  isRefused = false;
  /** Whether its other side has shown who it is. */
  readonly introduction: Introduction = newIntroduction();
  /** The process that the other side has shown itself to be; null: it has shown none. Foreign peers never do. */
  hello: SessionHello | null = null;
  /** The other side was told that requests of the strict register are answered. */
  hasOpened = false;
  /** Emits when the connection may be read from again: first the messages of it that wait, then the socket. */
  readonly released$: Observable<void>;
  /** The keys (`messageKey`) of process messages that were taken in and are not handled yet. */
  readonly #handling = new Set<string>();
  /** Wrong tags whose penalty is not over yet. */
  #penaltyCount = 0;
  #admission: Admission = ADMISSION_INITIAL;
  readonly #released = new Subject<void>();
  readonly #ledger: Ledger<Session>;
  readonly #limits: SessionLimits;

  /** @param isDialled Whether this process dialled it, to send its own messages over it. */
  constructor(
    readonly connection: Connection,
    readonly isDialled: boolean,
    ledger: Ledger<Session>,
    limits: SessionLimits,
    /** Its requests of the strict register; null: this process answers none. */
    private readonly window: RequestWindow | null = null,
  ) {
    this.#ledger = ledger;
    this.#limits = limits;
    this.released$ = this.#released.asObservable();
  }

  get isPaused(): boolean {
    return this.#admission.isPaused;
  }

  /** The other side sends nothing more. */
  get hasEnded(): boolean {
    return this.#admission.hasEnded;
  }

  /** Number of process messages that are being handled. */
  get handlingCount(): number {
    return this.#handling.size;
  }

  /** @returns false if the same message is being handled already. */
  take(key: string): boolean {
    if (this.#handling.has(key)) return false;
    this.#handling.add(key);
    return true;
  }

  /** The message that came last has been admitted or refused. */
  entered(): Outgoing[] {
    return this.#step('entered');
  }

  /** A process message has been handled: another may take its place. */
  handled(key: string): Outgoing[] {
    this.#handling.delete(key);
    return this.#step('handled');
  }

  /** No process message is waited for any more, because the other side is gone. */
  forgotten(): Outgoing[] {
    this.#handling.clear();
    return this.#step('handled');
  }

  /** A request of the strict register begins. Takes effect with the next `entered`. */
  requested(request: ReplicaRequest): void {
    this.window?.begin(request);
  }

  /** It is over. */
  responded(request: ReplicaRequest): Outgoing[] {
    this.window?.end(request);
    return this.#step('answered');
  }

  /** An operation of this session has left the ledger. */
  answered(): Outgoing[] {
    return this.#step('answered');
  }

  /** The connection has passed on bytes that it was given. */
  drained(): Outgoing[] {
    return this.#step('drained');
  }

  /** A wrong tag has come: nothing is read until `atoned` is called. Takes effect with the next `entered`. */
  penalise(): void {
    this.#penaltyCount += 1;
  }

  atoned(): Outgoing[] {
    this.#penaltyCount -= 1;
    return this.#step('handled');
  }

  ended(): Outgoing[] {
    return this.#step('ended');
  }

  #step(event: AdmissionEvent): Outgoing[] {
    const [after, effect] = admit(this.#admission, event, this.#load());
    this.#admission = after;
    switch (effect) {
      case 'pause':
        this.connection.pause();
        return [];
      case 'resume':
        this.#released.next();
        return [];
      case 'end':
        return [{ connection: this.connection, content: null }];
      case null:
        return [];
    }
  }

  #load(): Load {
    const { connection, isDialled } = this;
    const limits = this.#limits;
    return {
      isFull:
        this.#penaltyCount > 0 ||
        this.#handling.size >= limits.processMessagesPerConnection ||
        (!isDialled && connection.bufferedBytes > limits.clientBufferBytes) ||
        this.window?.isFull === true ||
        !mayBegin(this.#ledger, this),
      // A connection that this process dialled stays open when its other side ends: a peer may close that half at once
      // and go on reading. If the peer is gone, the next bytes sent show it.
      isIdle:
        !isDialled && this.#handling.size === 0 && this.window?.isIdle !== false && !this.#ledger.bySession.has(this),
    };
  }
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

/** The origin of an event: the session whose message it was, and the receipt that may be due for it. */
export interface Origin {
  readonly session: Session;
  /** For a process message, the fields of its receipt; null for a client's request. */
  readonly receipt: ReceiptDue | null;
  /** `Session.hello` when the message came. */
  readonly hello: SessionHello | null;
}

export interface ReceiptDue {
  readonly peer: Rank;
  readonly receiptFor: RegisterMessageKind;
  readonly id: OperationId;
}

/** A name for a process message, unique among those of one session. */
export function messageKey(kind: RegisterMessageKind, id: OperationId): string {
  return `${kind} ${id}`;
}
