import type { Observable } from 'rxjs';
import type { Rank } from '../core/rank.js';

/**
 * A stream of bytes in both directions: a TCP connection, or a simulated one.
 *
 * Bytes arrive in order and whole or not at all; the connection may end at any moment, and then nothing is known of
 * what was written last.
 */
export interface Connection {
  /** For logs: address of the other side. */
  readonly remote: string;
  /**
   * What the other side sends. One subscriber. Completes when the other side has ended its half or the connection
   * broke; never fails (a broken connection is an ordinary end).
   */
  readonly bytes$: Observable<Uint8Array>;
  /** Completes, without a value, when nothing more can be sent or received. */
  readonly closed$: Observable<never>;
  /** Emits each time everything that was buffered for sending has been handed to the system. */
  readonly drained$: Observable<void>;
  /** Bytes accepted by `write` that have not been handed to the system yet. */
  readonly bufferedBytes: number;
  /** Sends the chunks in order, together. Does nothing once the connection is closed. */
  write(chunks: readonly Uint8Array[]): void;
  /** Stops taking bytes from the other side, so that it has to wait; `resume` goes on. */
  pause(): void;
  resume(): void;
  /** Sends what is buffered, then ends our half. */
  end(): void;
  /** Drops everything at once. */
  destroy(): void;
}

/** How a process reaches the world. */
export interface Transport {
  /** Connections that others opened to this process, each not yet read from. */
  readonly connections$: Observable<Connection>;
  /**
   * Tries once to open a connection to the process of that rank: emits it and completes, or fails. Unsubscribing before
   * it has emitted gives up.
   */
  dial(rank: Rank): Observable<Connection>;
  /**
   * The other side of one of `connections$` has shown that it has a key. When there are too many connections, those of
   * strangers have to go first.
   */
  trust(connection: Connection): void;
}
