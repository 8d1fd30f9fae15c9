/**
 * The connections that others opened to a process, as one of its workers sees them. The main thread has the sockets
 * (connectionRouter.ts) and passes on the messages that are for this worker.
 *
 * Bound: the main thread sends no more than ROUTER_WINDOW_BYTES, and what one read of the socket adds, of what a paused
 * connection has not taken. What is written counts as buffered until the main thread has handed it to the system.
 */
import type { SchedulerLike, Subscriber } from 'rxjs';
import { BehaviorSubject, Observable, Subject, ignoreElements } from 'rxjs';
import { assert } from '../core/assert.js';
import type { Connection } from '../ports/connection.js';
import type { ThreadBatch } from './threadBatch.js';
import { BatchWriter, TAKEN_STEP_BYTES, Notice, readBatch } from './threadBatch.js';
import { oncePerTurn } from '../oncePerTurn.js';

export interface VirtualConnectionsOptions {
  /** To the main thread. */
  readonly post: (batch: ThreadBatch) => void;
  readonly turn: SchedulerLike;
  /** The end of the current callback: asapScheduler where time is real. */
  readonly soon: SchedulerLike;
}

/** For tests and the simulation: the bytes that are held up. */
export interface VirtualConnectionsStats {
  readonly connections: number;
  /** Of any connection: came and was not taken in … */
  readonly waitingBytesMax: number;
  /** … and was written, and is not known to be off the main thread's hands. */
  readonly bufferedBytesMax: number;
}

export class VirtualConnections {
  /** One subscriber, at once; see Transport. */
  readonly connections$: Observable<Connection>;
  readonly #opened = new Subject<Connection>();
  readonly #known = new Map<number, VirtualConnection>();
  readonly #batch = new BatchWriter();
  /** At the end of this turn, and of this callback. */
  readonly #flushAtTurn: () => void;
  readonly #flushSoon: () => void;

  constructor(private readonly options: VirtualConnectionsOptions) {
    this.connections$ = this.#opened.asObservable();
    const flush = (): void => {
      this.flush();
    };
    this.#flushAtTurn = oncePerTurn(options.turn, flush);
    this.#flushSoon = oncePerTurn(options.soon, flush);
  }

  /** Handles a batch from the main thread. */
  take(batch: ThreadBatch): void {
    readBatch(batch, {
      opened: (number, remote) => {
        const connection = new VirtualConnection(number, remote, {
          notify: (what, amount) => {
            this.#notify(what, number, amount);
          },
          write: (chunks) => {
            this.#write(number, chunks);
          },
          later: (run) => {
            this.options.soon.schedule(run);
          },
        });
        this.#known.set(number, connection);
        this.#opened.next(connection);
      },
      bytes: (number, bytes) => this.#known.get(number)?.receive(bytes),
      notice: (what, number, amount) => {
        const connection = this.#known.get(number);
        if (what === Notice.taken) connection?.release(amount);
        else if (what === Notice.ended) connection?.endReading();
        else if (what === Notice.closed) {
          this.#known.delete(number);
          connection?.close();
        }
      },
    });
  }

  trust(connection: Connection): void {
    assert(connection instanceof VirtualConnection, 'a connection of the main thread');
    this.#notify(Notice.trusted, connection.number, 0);
  }

  /** With what is written at the end of this turn, if anything is. */
  #notify(what: Notice, number: number, amount: number): void {
    this.#batch.notify(what, number, amount);
    this.#flushAtTurn();
  }

  /** The process has gathered what it writes in one turn: it goes once all of that is here. */
  #write(number: number, chunks: readonly Uint8Array[]): void {
    for (const chunk of chunks) this.#batch.add(number, chunk);
    this.#flushSoon();
  }

  stats(): VirtualConnectionsStats {
    const all = [...this.#known.values()];
    return {
      connections: all.length,
      waitingBytesMax: Math.max(0, ...all.map(({ waitingBytes }) => waitingBytes)),
      bufferedBytesMax: Math.max(0, ...all.map(({ bufferedBytes }) => bufferedBytes)),
    };
  }

  /** Tells what was gathered, at once. */
  flush(): void {
    if (!this.#batch.isEmpty) this.options.post(this.#batch.take());
  }
}

interface ToMain {
  notify(what: Notice, amount: number): void;
  write(chunks: readonly Uint8Array[]): void;
  /** After the present call has returned. */
  later(run: () => void): void;
}

class VirtualConnection implements Connection {
  readonly bytes$ = new Observable<Uint8Array>((subscriber) => this.readInto(subscriber));
  readonly closed$: Observable<never>;
  readonly drained$: Observable<void>;
  bufferedBytes = 0;
  private readonly closed = new BehaviorSubject(false);
  private readonly drained = new Subject<void>();
  private reader: Subscriber<Uint8Array> | null = null;
  private wasSubscribed = false;
  private waiting: Uint8Array[] = [];
  private isPaused = false;
  /** No more bytes than those that wait. */
  private hasEnded = false;
  private isClosed = false;
  private isWriteEnded = false;
  /** … and not told of yet. */
  private takenBytes = 0;

  constructor(
    readonly number: number,
    readonly remote: string,
    private readonly main: ToMain,
  ) {
    this.closed$ = this.closed.pipe(ignoreElements());
    this.drained$ = this.drained.asObservable();
  }

  /** Came, and was not taken in. */
  get waitingBytes(): number {
    return this.waiting.reduce((sum, { length }) => sum + length, 0);
  }

  receive(bytes: Uint8Array): void {
    if (this.isClosed) return;
    this.waiting.push(bytes);
    this.deliver();
  }

  /** So much of what was written has been handed to the system. */
  release(bytes: number): void {
    this.bufferedBytes -= bytes;
    this.drained.next();
  }

  endReading(): void {
    this.hasEnded = true;
    this.deliver();
  }

  /** What was not taken in is lost, as it is in a socket that breaks. */
  close(): void {
    this.isClosed = true;
    this.waiting = [];
    this.reader?.complete();
    this.drained.complete();
    this.closed.complete();
  }

  write(chunks: readonly Uint8Array[]): void {
    if (this.isClosed || this.isWriteEnded || chunks.length === 0) return;
    for (const { length } of chunks) this.bufferedBytes += length;
    this.main.write(chunks);
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    if (!this.isPaused) return;
    this.isPaused = false;
    this.deliverLater();
  }

  end(): void {
    if (this.isClosed || this.isWriteEnded) return;
    this.isWriteEnded = true;
    this.main.notify(Notice.ended, 0);
  }

  destroy(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.main.notify(Notice.closed, 0);
    this.main.later(() => {
      this.close();
    });
  }

  private readInto(subscriber: Subscriber<Uint8Array>): () => void {
    assert(!this.wasSubscribed, 'the bytes of a connection have one reader');
    this.wasSubscribed = true;
    this.reader = subscriber;
    if (this.isClosed) subscriber.complete();
    else this.deliverLater();
    return () => {
      this.reader = null;
    };
  }

  private get mayDeliver(): boolean {
    return this.reader !== null && !this.isPaused && !this.isClosed;
  }

  private deliverLater(): void {
    this.main.later(() => {
      this.deliver();
    });
  }

  /** Passes on what may be passed on, in order, also if that makes the reader pause and resume. */
  private deliver(): void {
    while (this.mayDeliver) {
      const chunk = this.waiting.shift();
      if (chunk === undefined) break;
      this.takenBytes += chunk.length;
      this.reader?.next(chunk);
    }
    if (this.isClosed) return;
    if (this.takenBytes >= TAKEN_STEP_BYTES) {
      this.main.notify(Notice.taken, this.takenBytes);
      this.takenBytes = 0;
    }
    if (this.hasEnded && this.waiting.length === 0) this.reader?.complete();
  }
}
