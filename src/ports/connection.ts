import type { Observable } from 'rxjs';
import type { Rank } from '../core/rank.js';

/**
 * A stream of bytes in both directions: a TCP connection, a worker's share of one, or a simulated one. All of them pass
 * test/ports/connectionSuite.ts.
 *
 * Bytes arrive in order and without gaps, in chunks that need not be those that were written. Each side ends its half.
 * The connection is closed when both have, when it breaks, or by `destroy`. It may break at any moment, and then it is
 * unknown whether the bytes written last have arrived. A break may go unnoticed while nothing is read or written.
 *
 * Nothing is emitted from within a call: its consequences are emitted after it has returned. Every call may be made
 * from within an emission. On a closed connection no call does anything.
 */
export interface Connection {
  /** The address of the other side, for logs. */
  readonly remote: string;
  /**
   * The bytes of the other side, from the first one on. Completes when the other side has ended its half and all bytes
   * before that were emitted, even while paused, so that the end of a client is always noticed. When the connection is
   * closed, completes without the bytes that were not emitted yet. Never fails: a broken connection is an ordinary end.
   *
   * Takes one subscription; a second one fails. Before it, and after it was given up, the other side has to wait.
   * Giving it up does not close the connection.
   */
  readonly bytes$: Observable<Uint8Array>;
  /**
   * Completes without a value when nothing more can be sent or received, after `bytes$` and `drained$`. A later
   * subscription completes at once.
   */
  readonly closed$: Observable<never>;
  /**
   * Emits when the system has taken everything that it was given, so that `bufferedBytes` is lower than before. It need
   * not be 0, because more may have been written.
   */
  readonly drained$: Observable<void>;
  /**
   * Bytes accepted by `write` that the system has not taken yet. In a worker, whose sockets are in another thread, the
   * number may be too high by less than 16 KiB (`TAKEN_STEP_BYTES`).
   */
  readonly bufferedBytes: number;
  /** Sends the chunks together, in order. They must not be changed any more. Does nothing after `end`. */
  write(chunks: readonly Uint8Array[]): void;
  /**
   * Stops taking bytes from the other side, which has to wait: `bytes$` emits nothing until `resume`. Takes effect at
   * once, even from within an emission or before there is a subscriber.
   */
  pause(): void;
  /** Emits what was held back, in order, and goes on. Does nothing unless paused. */
  resume(): void;
  /**
   * Sends what is buffered, then ends the own half; the other half goes on. Workers share the own half of a connection:
   * it ends when all of them have called this and the other side has ended its half.
   */
  end(): void;
  /** Closes both halves at once, and drops the bytes that were buffered or not emitted yet. */
  destroy(): void;
}

/** The connections of a process with peers and clients. */
export interface Transport {
  /** Connections that others opened to this process. Nothing was read from them yet. */
  readonly connections$: Observable<Connection>;
  /**
   * Tries once to open a connection to the process of that rank. Emits the connection and completes, or fails.
   * Unsubscribing before that gives up.
   */
  dial(rank: Rank): Observable<Connection>;
  /**
   * Says that the other side of one of `connections$` has shown that it has a key. If there are too many connections,
   * the others are closed first.
   */
  trust(connection: Connection): void;
}
