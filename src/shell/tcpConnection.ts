/**
 * TCP sockets as the Connection of src/ports/connection.ts: both those that a listener has accepted and those that
 * `dialTcp` has opened.
 *
 * A Node socket differs from that port in three ways. Its errors are events that end the program if there is no
 * listener. It starts to flow as soon as it is resumed, and without a listener the bytes are lost. It emits 'drain'
 * only if more was written than its buffer takes.
 *
 * Bound: before `bytes$` is subscribed to, and while paused, Node reads no more than one chunk.
 */
import type { Socket } from 'node:net';
import { connect, isIPv6 } from 'node:net';
import type { Subscriber } from 'rxjs';
import { BehaviorSubject, Observable, Subject, ignoreElements } from 'rxjs';
import { assert } from '../core/assert.js';
import { AtomicDiskError, describeError } from '../errors.js';
import type { Connection } from '../ports/connection.js';

/**
 * An idle connection is probed after so many milliseconds, then ten times at intervals of a second, which Node fixes.
 * So a host that lost its power is noticed within 25 seconds.
 */
const KEEP_ALIVE_MS = 15_000;

/** A connection that knows, once it is over, how it ended. */
export interface TcpConnection extends Connection {
  /**
   * Whether the connection ended on our side only: by a time-out, an unreachable network, or our own `destroy`. The
   * other side may then not have noticed. False while it is open, and after the other side has ended, closed or reset
   * it.
   */
  readonly endedUnconfirmed: boolean;
}

/** Errors that show that the system of the other side has closed the connection. */
const CONFIRMING_ERRORS: ReadonlySet<string | undefined> = new Set(['ECONNRESET', 'EPIPE']);

/**
 * @param socket Connected, not yet read from, created with `allowHalfOpen: true`: the end of the other side's half must
 *   not end ours, because answers may still be due.
 */
export function tcpConnection(socket: Socket): TcpConnection {
  return new SocketConnection(socket);
}

class SocketConnection implements TcpConnection {
  readonly remote: string;
  readonly bytes$ = new Observable<Uint8Array>((subscriber) => this.readInto(subscriber));
  readonly closed$: Observable<never>;
  readonly drained$: Observable<void>;
  private readonly closed = new BehaviorSubject(false);
  private readonly drained = new Subject<void>();
  private reader: Subscriber<Uint8Array> | null = null;
  private wasSubscribed = false;
  private isPaused = false;
  /** The other side's half has ended, or the connection is gone: no more bytes. */
  private hasEnded = false;
  /** The other side has ended or reset the connection. */
  private isConfirmed = false;

  constructor(private readonly socket: Socket) {
    assert(socket.allowHalfOpen, 'the socket of a connection can be half open');
    socket.setNoDelay(true);
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    // A TCP socket that was reset has no remote address either, but still one of its own.
    const isLocal = socket.localAddress === undefined && !socket.destroyed;
    this.remote = isLocal ? 'a Unix socket' : describeAddress(socket.remoteAddress, socket.remotePort);
    this.closed$ = this.closed.pipe(ignoreElements());
    this.drained$ = this.drained.asObservable();
    socket.on('end', () => {
      this.isConfirmed = true;
      this.endReading();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      // 'close' follows. A broken connection is an ordinary end, but it matters which side broke it.
      if (CONFIRMING_ERRORS.has(error.code)) this.isConfirmed = true;
    });
    socket.on('close', () => {
      this.endReading();
      this.drained.complete();
      this.closed.complete();
    });
  }

  get bufferedBytes(): number {
    return this.socket.writableLength;
  }

  get endedUnconfirmed(): boolean {
    return this.socket.destroyed && !this.isConfirmed;
  }

  write(chunks: readonly Uint8Array[]): void {
    const { socket } = this;
    const last = chunks.length - 1;
    if (last < 0 || !socket.writable) return;
    socket.cork();
    for (let index = 0; index < last; index += 1) socket.write(chunks[index]);
    socket.write(chunks[last], (error) => {
      if (error == null && socket.writableLength === 0) this.drained.next();
    });
    socket.uncork();
  }

  pause(): void {
    this.isPaused = true;
    if (this.reader !== null) this.socket.pause();
  }

  resume(): void {
    this.isPaused = false;
    if (this.reader !== null) this.socket.resume();
  }

  end(): void {
    if (!this.socket.writableEnded) this.socket.end();
  }

  destroy(): void {
    this.socket.destroy();
  }

  private readInto(subscriber: Subscriber<Uint8Array>): () => void {
    const { socket } = this;
    assert(!this.wasSubscribed, 'the bytes of a connection have one reader');
    this.wasSubscribed = true;
    // A paused socket may have read several chunks. It hands out all of them, even if it is destroyed meanwhile.
    const onData = (chunk: Uint8Array): void => {
      if (!socket.destroyed) subscriber.next(chunk);
    };
    if (this.hasEnded || socket.destroyed) {
      subscriber.complete();
    } else {
      this.reader = subscriber;
      // A listener for 'data' makes a socket flow, unless it was paused before.
      socket.pause();
      socket.on('data', onData);
      if (!this.isPaused) socket.resume();
    }
    return () => {
      this.reader = null;
      socket.off('data', onData);
      socket.pause();
    };
  }

  private endReading(): void {
    this.hasEnded = true;
    this.reader?.complete();
  }
}

export interface DialOptions {
  readonly host: string;
  readonly port: number;
  /** Gives up after this many milliseconds. Default: when the system does, minutes later. */
  readonly timeoutMs?: number;
}

/**
 * Tries once to open a connection: emits it and completes, or fails with the system's error or with ATDD_TIMEOUT. To
 * unsubscribe before that gives up.
 */
export function dialTcp({ host, port, timeoutMs }: DialOptions): Observable<TcpConnection> {
  return new Observable((subscriber) => {
    const socket = connect({ host, port, allowHalfOpen: true });
    const address = describeAddress(host, port);
    let handedOver = false;
    const timer =
      timeoutMs === undefined
        ? undefined
        : setTimeout(() => {
            const text = `no connection to ${address} within ${timeoutMs} ms`;
            subscriber.error(new AtomicDiskError('ATDD_TIMEOUT', text));
          }, timeoutMs);
    // Before the connection is emitted, this listener keeps errors from ending the program. Afterwards `tcpConnection`
    // listens as well.
    socket.on('error', (error) => {
      // A name may have several addresses: that is one error with all of theirs, and no text.
      const isSeveral = error instanceof AggregateError;
      subscriber.error(isSeveral ? new Error(describeError(error), { cause: error }) : error);
    });
    socket.once('connect', () => {
      if (isConnectedToItself(socket)) {
        socket.resetAndDestroy();
        subscriber.error(new Error(`nothing listens on ${address}`));
        return;
      }
      handedOver = true;
      subscriber.next(tcpConnection(socket));
      subscriber.complete();
    });
    return () => {
      clearTimeout(timer);
      if (!handedOver) socket.destroy();
    };
  });
}

/**
 * TCP connects a socket to itself if nothing listens on a port of the ephemeral range and the system happens to dial
 * from that very port. Such a connection would echo everything, and keep the process of that address from listening.
 */
export function isConnectedToItself(socket: Socket): boolean {
  return socket.localPort === socket.remotePort && socket.localAddress === socket.remoteAddress;
}

/** The other side of a Unix socket has no address. */
function describeAddress(host: string | undefined, port: number | undefined): string {
  if (host === undefined || port === undefined) return 'a closed connection';
  return `${isIPv6(host) ? `[${host}]` : host}:${port}`;
}
