/** One side of a simulated TCP connection: what the production code gets as a Connection. */
import type { Subscriber } from 'rxjs';
import { BehaviorSubject, Observable, Subject, ignoreElements } from 'rxjs';
import { assert } from '../../src/core/assert.js';
import type { ClientConnection } from '../../src/client/link.js';
import type { Dice } from '../helpers/seed.js';
import { Pipe, type PipeNetwork } from './pipe.js';
import type { Actor } from './actor.js';

/** The system tells that it has taken what was written after at most this. */
const DRAINED_US_END = 30;

/** A machine with one program. */
export interface Host {
  readonly name: string;
  /** 0 for those that are not processes. */
  readonly rank: number;
  /** Whether its program is foreign. */
  readonly isForeign: boolean;
  /** Whether its system answers. */
  isPowered: boolean;
  /** Takes connections, if the program listens. */
  listener: ((endpoint: Endpoint) => void) | null;
  /** The present life of its program. */
  actor: Actor;
  lives(actor: Actor): boolean;
  /** One more step of the program: a crash may come here. @returns whether it lives on. */
  step(actor: Actor): boolean;
}

/** What an endpoint needs of the network that it belongs to. */
export interface EndpointNetwork extends PipeNetwork<Host> {
  readonly dice: Dice;
  /** A program hands over a message. */
  onMessage(endpoint: Endpoint, message: Uint8Array): void;
  /** Something was sent. */
  onSent(endpoint: Endpoint): void;
  onClosed(endpoint: Endpoint): void;
  /** A side lets go: the system sends what it has and the end, or a reset. */
  reset(endpoint: Endpoint): void;
}

export class Endpoint implements ClientConnection {
  readonly remote: string;
  readonly bytes$ = new Observable<Uint8Array>((subscriber) => this.readInto(subscriber));
  readonly closed$: Observable<never>;
  readonly drained$: Observable<void>;
  /** What this side sends. Set by the network, together with the other side. */
  outgoing!: Pipe<Host>;
  incoming!: Pipe<Host>;
  other!: Endpoint;
  /** Nothing more is sent or received. */
  isClosed = false;
  private readonly closed = new BehaviorSubject(false);
  private readonly drained = new Subject<void>();
  private reader: Subscriber<Uint8Array> | null = null;
  private wasSubscribed = false;
  private isPaused = false;
  private hasEndedReading = false;
  private hasEndedWriting = false;
  private isConfirmed = false;
  private isDrainedScheduled = false;

  constructor(
    private readonly network: EndpointNetwork,
    readonly host: Host,
    /** The life of the program that uses it. */
    readonly actor: Actor,
    readonly isDialled: boolean,
    remote: string,
  ) {
    this.remote = remote;
    this.closed$ = this.closed.pipe(ignoreElements());
    this.drained$ = this.drained.asObservable();
  }

  get endedUnconfirmed(): boolean {
    return this.isClosed && !this.isConfirmed;
  }

  get bufferedBytes(): number {
    return this.outgoing.bufferedBytes;
  }

  /** Whether what arrives is read now; a program that is dead lets its system answer for it. */
  get takesBytes(): boolean {
    return this.takesEnd && !this.isPaused;
  }

  /** A system tells of the end at once if it has nothing before it to be read. */
  get takesEnd(): boolean {
    return !this.isClosed && this.reader !== null;
  }

  write(chunks: readonly Uint8Array[]): void {
    if (!this.host.lives(this.actor) || this.isClosed || this.hasEndedWriting || chunks.length === 0) return;
    for (const chunk of chunks) this.network.onMessage(this, chunk);
    // A crash may come in the middle of what was to be sent.
    if (!this.host.step(this.actor)) return;
    this.outgoing.send(chunks.length === 1 ? Uint8Array.from(chunks[0]) : Buffer.concat(chunks));
    this.scheduleDrained();
    this.network.onSent(this);
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    if (!this.isPaused) return;
    this.isPaused = false;
    this.incoming.pump();
  }

  end(): void {
    if (!this.host.lives(this.actor) || this.isClosed || this.hasEndedWriting) return;
    this.hasEndedWriting = true;
    this.outgoing.send(null);
    this.network.onSent(this);
    this.closeIfOver();
  }

  destroy(): void {
    if (!this.host.lives(this.actor) || this.isClosed) return;
    this.network.reset(this);
    this.close();
  }

  // From the network.

  onBytes(bytes: Uint8Array): void {
    this.reader?.next(bytes);
  }

  /** The other side has ended its half. */
  onEnd(): void {
    this.isConfirmed = true;
    this.endReading();
    this.closeIfOver();
  }

  /** The other side has taken bytes. */
  onTaken(): void {
    if (this.outgoing.bufferedBytes === 0) this.scheduleDrained();
  }

  /** @param isConfirmed Whether the other side, or its system, has said so. */
  onBroken(isConfirmed: boolean): void {
    if (this.isClosed) return;
    if (isConfirmed) this.isConfirmed = true;
    this.close();
  }

  /** Whether this side has ended its half, or is closed. */
  get isOver(): boolean {
    return this.isClosed || this.hasEndedWriting;
  }

  private closeIfOver(): void {
    if (this.hasEndedReading && this.hasEndedWriting) this.close();
  }

  private close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.network.onClosed(this);
    this.incoming.cut();
    // As with sockets, nobody is told from within their own call.
    this.network.world.schedule(this.actor, 0, () => {
      this.endReading();
      this.drained.complete();
      this.closed.complete();
    });
  }

  private endReading(): void {
    this.hasEndedReading = true;
    this.reader?.complete();
  }

  private readInto(subscriber: Subscriber<Uint8Array>): () => void {
    assert(!this.wasSubscribed, 'the bytes of a connection have one reader');
    this.wasSubscribed = true;
    if (this.hasEndedReading || this.isClosed) {
      subscriber.complete();
      return () => undefined;
    }
    this.reader = subscriber;
    this.incoming.pump();
    return () => {
      this.reader = null;
    };
  }

  private scheduleDrained(): void {
    if (this.isDrainedScheduled || this.outgoing.bufferedBytes > 0) return;
    this.isDrainedScheduled = true;
    this.network.world.schedule(this.actor, this.network.dice.below(DRAINED_US_END), () => {
      this.isDrainedScheduled = false;
      if (!this.isClosed && this.outgoing.bufferedBytes === 0) this.drained.next();
    });
  }
}

/** Two sides of one connection. */
export function connectedPair(
  network: EndpointNetwork,
  dialler: { readonly host: Host; readonly actor: Actor },
  listener: { readonly host: Host; readonly actor: Actor },
  dice: Dice,
): { readonly dialled: Endpoint; readonly accepted: Endpoint } {
  const dialled = new Endpoint(network, dialler.host, dialler.actor, true, listener.host.name);
  const accepted = new Endpoint(network, listener.host, listener.actor, false, dialler.host.name);
  const there = new Pipe(network, dialled, accepted, dice);
  const back = new Pipe(network, accepted, dialled, dice);
  dialled.outgoing = there;
  dialled.incoming = back;
  dialled.other = accepted;
  accepted.outgoing = back;
  accepted.incoming = there;
  accepted.other = dialled;
  return { dialled, accepted };
}
