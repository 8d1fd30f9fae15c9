/**
 * A connection whose other side is the test. It keeps the contract of src/ports/connection.ts
 * (test/ports/connection.test.ts) and remembers what was done to it.
 */
import type { SchedulerLike, Subscriber } from 'rxjs';
import { BehaviorSubject, Observable, Subject, asapScheduler, ignoreElements } from 'rxjs';
import { assert } from '../../src/core/assert.js';
import type { ClientConnection } from '../../src/client/link.js';

export class FakeConnection implements ClientConnection {
  readonly bytes$ = new Observable<Uint8Array>((subscriber) => this.readInto(subscriber));
  readonly closed$: Observable<never>;
  readonly drained$: Observable<void>;
  endedUnconfirmed = false;
  /** A test may set it: then so much waits until `drain`. */
  bufferedBytes = 0;
  /** What the system is given stays with it until `drain`. */
  isStuck = false;
  /** pause, resume, end and destroy, as they were called while it was open. */
  readonly calls: string[] = [];
  /** The chunks that were written, in order. */
  readonly written: Uint8Array[] = [];
  isPaused = false;
  private readonly closed = new BehaviorSubject(false);
  private readonly drained = new Subject<void>();
  private reader: Subscriber<Uint8Array> | null = null;
  private wasSubscribed = false;
  /** null: the other side's end. */
  private waiting: (Uint8Array | null)[] = [];
  private isClosed = false;
  private hasEndedReading = false;
  private hasEndedWriting = false;

  /** @param soon When what a call brings about is told of. */
  constructor(
    readonly remote = 'a test',
    private readonly soon: SchedulerLike = asapScheduler,
  ) {
    this.closed$ = this.closed.pipe(ignoreElements());
    this.drained$ = this.drained.asObservable();
  }

  /** Whether somebody reads from it, paused or not. */
  get isRead(): boolean {
    return this.reader !== null;
  }

  get waitingBytes(): number {
    return this.waiting.reduce((sum, chunk) => sum + (chunk?.length ?? 0), 0);
  }

  write(chunks: readonly Uint8Array[]): void {
    if (this.isClosed || this.hasEndedWriting || chunks.length === 0) return;
    this.written.push(...chunks);
    for (const { length } of chunks) if (this.isStuck) this.bufferedBytes += length;
    this.later(() => {
      if (this.bufferedBytes === 0) this.drained.next();
    });
  }

  pause(): void {
    this.calls.push('pause');
    this.isPaused = true;
  }

  resume(): void {
    this.calls.push('resume');
    this.isPaused = false;
    this.later(() => {
      this.deliver();
    });
  }

  end(): void {
    if (this.isClosed) return;
    this.calls.push('end');
    this.hasEndedWriting = true;
    this.later(() => {
      this.closeIfOver();
    });
  }

  destroy(): void {
    if (this.isClosed) return;
    this.calls.push('destroy');
    this.isClosed = true;
    this.later(() => {
      this.close();
    });
  }

  // The other side.

  /** It sends. */
  receive(bytes: Uint8Array): void {
    this.waiting.push(bytes);
    this.deliver();
  }

  /** It ends its half. */
  endReading(): void {
    this.waiting.push(null);
    this.deliver();
  }

  /** It takes all that was sent to it. */
  drain(): void {
    this.isStuck = false;
    this.bufferedBytes = 0;
    this.drained.next();
  }

  /** The connection breaks. */
  close(): void {
    this.isClosed = true;
    this.waiting = [];
    this.reader?.complete();
    this.drained.complete();
    this.closed.complete();
  }

  private readInto(subscriber: Subscriber<Uint8Array>): () => void {
    assert(!this.wasSubscribed, 'the bytes of a connection have one reader');
    this.wasSubscribed = true;
    this.reader = subscriber;
    if (this.isClosed) subscriber.complete();
    this.later(() => {
      this.deliver();
    });
    return () => {
      this.reader = null;
    };
  }

  private deliver(): void {
    while (this.reader !== null && !this.isClosed && this.waiting.length > 0) {
      if (this.isPaused && this.waiting[0] !== null) break;
      const chunk = this.waiting.shift() ?? null;
      if (chunk === null) {
        this.hasEndedReading = true;
        this.reader.complete();
      } else this.reader.next(chunk);
    }
    this.closeIfOver();
  }

  private closeIfOver(): void {
    if (this.hasEndedReading && this.hasEndedWriting) this.close();
  }

  private later(run: () => void): void {
    this.soon.schedule(run);
  }
}
