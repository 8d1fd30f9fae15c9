import type { Observable } from 'rxjs';
import type { Rank } from '../core/rank.js';

/**
 * A stream of bytes in both directions: a TCP connection, a worker's share of one, or a simulated one. All of them pass
 * test/ports/connectionSuite.ts.
 *
 * Bytes arrive in order and whole or not at all, in chunks that have nothing to do with how they were written. Each
 * side ends its half; the connection is closed when both have, when it breaks, or by `destroy`. It may break at any
 * moment, and then nothing is known of what was written last. A break may remain unnoticed while nothing is read or
 * written.
 *
 * Nothing is emitted from within a call: what a call brings about is told of after it has returned. Every call may be
 * made from within an emission. On a closed connection no call does anything.
 */
export interface Connection {
  /** For logs: address of the other side. */
  readonly remote: string;
  /**
   * What the other side sends, from the first byte on. Completes when the other side has ended its half and the bytes
   * before that are out, paused or not: a client that leaves is seen to leave. Completes, without what was not emitted
   * yet, when the connection is closed. Never fails: a broken connection is an ordinary end.
   *
   * One subscription, ever; a second one fails. Until then, and after it was given up, the other side has to wait. To
   * give it up does not close the connection.
   */
  readonly bytes$: Observable<Uint8Array>;
  /**
   * Completes, without a value, when nothing more can be sent or received, after `bytes$` and `drained$`; at once for
   * those who subscribe later.
   */
  readonly closed$: Observable<never>;
  /**
   * Emits when the system has taken over all that it was given, so that `bufferedBytes` is lower than it was. It need
   * not be 0: more may have been written.
   */
  readonly drained$: Observable<void>;
  /**
   * Bytes accepted by `write` that have not been handed to the system yet. A worker, whose sockets are another
   * thread's, is not told of the last few (less than 16 KiB, `TAKEN_STEP_BYTES`): they stay in this number.
   */
  readonly bufferedBytes: number;
  /** Sends the chunks in order, together; they must not be changed any more. Does nothing after `end`. */
  write(chunks: readonly Uint8Array[]): void;
  /**
   * Stops taking bytes from the other side, so that it has to wait: `bytes$` emits nothing until `resume`. Takes effect
   * at once, also from within an emission and before there is a subscriber.
   */
  pause(): void;
  /** Goes on with what was held back, in order. Does nothing unless paused. */
  resume(): void;
  /**
   * Sends what is buffered, then ends our half; the other half goes on. A worker shares its half with others: theirs
   * ends when all have called this and the other side has ended, too.
   */
  end(): void;
  /** Closes both halves at once: what is buffered, and what was not emitted, is dropped. */
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
