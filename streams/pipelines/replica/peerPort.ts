import type { Observable } from 'rxjs';
import { BehaviorSubject, Subject, distinctUntilChanged } from 'rxjs';
import { assert } from '../../../src/core/assert.js';
import type { Rank } from '../../../src/core/rank.js';
import { endOf } from '../../../src/core/strict/range.js';
import type { ReplicaRequest } from '../../../src/core/strict/replicaMessage.js';
import type { ReceivedAnswer, ReplicaPort } from '../../../src/coordinator/replicaPort.js';
import { SentRequests } from '../../../src/coordinator/sentRequests.js';
import type { Connection } from '../../../src/ports/connection.js';
import type { Schedulers } from '../../../src/ports/schedulers.js';
import { OutgoingRequest } from '../../../src/wire/strict/outgoingPack.js';
import type { PackContent, Packer } from '../../../src/wire/strict/pack.js';
import type { Outgoing } from '../../writeTogether.js';

export interface PeerPortOptions {
  readonly rank: Rank;
  /** With the system key. */
  readonly packer: Packer;
  readonly schedulers: Pick<Schedulers, 'clock'>;
  /** Milliseconds without any answer, while one is waited for, after which the connection is given up. */
  readonly unansweredMs: number;
  /** The most requests without an answer: beyond it the connection is given up. */
  readonly unansweredMax: number;
}

/** What a peer has shown of itself. */
export interface ReadyPeer {
  /** The size of its disk. */
  readonly sectors: number;
}

/**
 * The replica of a peer as the coordinator in this process sees it: over the connection that this process dials. Up
 * from when the peer has shown over it that it is a member that understands PACK, until the connection is over.
 *
 * Bounds: `unansweredMax` requests, and of each only its range and stamp; the coordinator bounds the bytes that wait to
 * be sent by `bufferedBytes`.
 */
export class PeerPort implements ReplicaPort {
  readonly rank: Rank;
  readonly isUp$: Observable<boolean>;
  readonly answer$: Observable<ReceivedAnswer>;
  readonly outgoing$: Observable<Outgoing>;
  /** Why the connection was given up, in words. */
  readonly trouble$: Observable<string>;
  /** Gives up the connection of a peer that is silent for too long. To be subscribed to once. */
  readonly run$: Observable<never>;
  readonly #isUp = new BehaviorSubject(false);
  readonly #answer = new Subject<ReceivedAnswer>();
  readonly #outgoing = new Subject<Outgoing>();
  readonly #trouble = new Subject<string>();
  readonly #sent: SentRequests;
  #connection: Connection | null = null;
  #peer: ReadyPeer = { sectors: 0 };
  /** Numbers go on over connections, so that an answer of an earlier one names no request of this one. */
  #nextNumber = 0;

  constructor(private readonly options: PeerPortOptions) {
    this.rank = options.rank;
    this.isUp$ = this.#isUp.pipe(distinctUntilChanged());
    this.answer$ = this.#answer.asObservable();
    this.outgoing$ = this.#outgoing.asObservable();
    this.trouble$ = this.#trouble.asObservable();
    this.#sent = new SentRequests(options.unansweredMs);
    this.run$ = this.#sent.watch(options.schedulers.clock, (trouble) => {
      this.#giveUp(trouble);
    });
  }

  get isUp(): boolean {
    return this.#isUp.value;
  }

  get bufferedBytes(): number {
    return this.#connection?.bufferedBytes ?? 0;
  }

  /** The connection that this process has dialled; null: it is over. */
  setConnection(connection: Connection | null): void {
    if (connection === this.#connection) return;
    this.setReady(null);
    this.#connection = connection;
  }

  /** What the peer has shown over the present connection; null: not enough. */
  setReady(peer: ReadyPeer | null): void {
    const isUp = peer !== null && this.#connection !== null;
    if (isUp) this.#peer = peer;
    else this.#sent.clear();
    this.#isUp.next(isUp);
  }

  /** The peer sends nothing more over the present connection. */
  ended(): void {
    const connection = this.#connection;
    this.setConnection(null);
    connection?.destroy();
  }

  /** Size of the peer's disk, which may be being grown. */
  get sectors(): number {
    return this.#peer.sectors;
  }

  send(request: ReplicaRequest): number | null {
    const { packer, unansweredMax } = this.options;
    const connection = this.#connection;
    assert(this.isUp && connection !== null, `the port to process ${this.rank} is up`);
    const number = this.#nextNumber;
    this.#nextNumber += 1;
    if (endOf(request.range) > this.sectors) return null;
    if (this.#sent.size >= unansweredMax) {
      this.options.schedulers.clock.schedule(() => {
        if (connection === this.#connection) this.#giveUp(`it leaves ${this.#sent.size} requests unanswered`);
      });
      return number;
    }
    this.#sent.add(number, request);
    this.#outgoing.next({ connection, content: new OutgoingRequest(packer, { number, request }) });
    return number;
  }

  /** Whether packs of the peer are expected over that connection. */
  isOver(connection: Connection): boolean {
    return this.isUp && connection === this.#connection;
  }

  /** A pack of the peer has come over a connection for which `isOver` is true. */
  receive(content: PackContent): void {
    if (content.kind === 'requests') {
      this.#giveUp('it sends requests over a connection that it has not dialled');
      return;
    }
    const { incarnations } = content;
    const connection = this.#connection;
    for (const numbered of content.answers) {
      const match = this.#sent.take(numbered);
      if (match.kind === 'misfit') {
        this.#giveUp(match.trouble);
        return;
      }
      if (match.kind === 'answer') {
        this.#answer.next({ request: numbered.number, answer: numbered.answer, incarnations });
      }
      if (connection !== this.#connection) return;
    }
  }

  #giveUp(trouble: string): void {
    this.#trouble.next(trouble);
    this.ended();
  }
}
