/** One connection of a process: what of it is under way, and who is at its other end. */
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
import type { AdmissionEvent, Load, Admission } from '../../src/core/admission.js';
import { ADMISSION_INITIAL, admit } from '../../src/core/admission.js';

/**
 * What is known of one connection: what it has under way decides whether it is read from. This is where every queue of
 * the process gets its bound. Whatever changes what is under way is a method here, so that nobody can forget it. Each
 * returns, once, the end of the connection when the other side has ended and nothing of its is under way any more: that
 * is how a client knows that what it asked for and got no answer to can no longer take effect
 * (docs/adr/0006-client-resubmission.md).
 */
export class Session {
  isTrusted = false;
  /** Its other side shares its sectors out otherwise: nothing of it is taken in. */
  isRefused = false;
  /** Whether its other side has shown who it is. */
  readonly introduction: Introduction = newIntroduction();
  /** Who its other side has shown it is; null: it has not, as foreign ones do not. */
  hello: SessionHello | null = null;
  /** Emits when the connection may be read from again: first what waits of it, then the socket. */
  readonly released$: Observable<void>;
  /** Process messages taken in and not handled yet, by what `messageKey` calls them. */
  readonly #handling = new Set<string>();
  /** Wrong tags not atoned for yet. */
  #penaltyCount = 0;
  #admission: Admission = ADMISSION_INITIAL;
  readonly #released = new Subject<void>();
  readonly #ledger: Ledger<Session>;
  readonly #limits: SessionLimits;

  /** @param isDialled Whether this process dialled it: for what it has to say, not for being asked. */
  constructor(
    readonly connection: Connection,
    readonly isDialled: boolean,
    ledger: Ledger<Session>,
    limits: SessionLimits,
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

  /** Process messages that are being handled. */
  get handlingCount(): number {
    return this.#handling.size;
  }

  /** @returns false if the same message is being handled already. */
  take(key: string): boolean {
    if (this.#handling.has(key)) return false;
    this.#handling.add(key);
    return true;
  }

  /** What came last has been admitted, or not. */
  entered(): Outgoing[] {
    return this.#step('entered');
  }

  /** A process message is done with: another may take its place. */
  handled(key: string): Outgoing[] {
    this.#handling.delete(key);
    return this.#step('handled');
  }

  /** No process message is handled any more, because nobody waits for that. */
  forgotten(): Outgoing[] {
    this.#handling.clear();
    return this.#step('handled');
  }

  /** An operation of its is out of the ledger. */
  answered(): Outgoing[] {
    return this.#step('answered');
  }

  /** The connection has taken bytes that it was given. */
  drained(): Outgoing[] {
    return this.#step('drained');
  }

  /** A wrong tag has come: nothing is read until it is atoned for. Takes effect with `entered`. */
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
        !mayBegin(this.#ledger, this),
      // A connection that this process dialled is not ended because its other side has nothing to say: a peer may
      // close that half at once and go on reading. If it is gone, the next bytes sent show it.
      isIdle: !isDialled && this.#handling.size === 0 && !this.#ledger.bySession.has(this),
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

/** Names a process message among those of one session. */
export function messageKey(kind: RegisterMessageKind, id: OperationId): string {
  return `${kind} ${id}`;
}
