import type { OperatorFunction, SchedulerLike, Subscription } from 'rxjs';
import { Observable } from 'rxjs';
import type { Connection } from '../src/ports/connection.js';

/** Bytes for one connection, or null: it is to be ended after what was sent before. */
export interface Outgoing {
  readonly connection: Connection;
  readonly bytes: Uint8Array | null;
}

/** All that goes to one connection in one turn. */
export interface Batch {
  readonly connection: Connection;
  readonly chunks: readonly Uint8Array[];
  /** Whether the connection is to be ended then. */
  readonly isLast: boolean;
}

/**
 * Gathers what one turn of the event loop sends, and hands it on at its end, one batch for each
 * connection: one system call instead of one for each message.
 *
 * ```
 * messages  -(aBa)--a-|      a for one connection, B for another
 * turn      -t------t-
 * batches   -(xY)---x-|      x = [a, a], Y = [B]
 * ```
 *
 * Order is kept per connection. At the end of the source what was gathered is handed on; an error
 * is passed on at once. Bound: what one turn produces.
 */
export function writeTogether(turn: SchedulerLike): OperatorFunction<Outgoing, Batch> {
  return (outgoing$) =>
    new Observable((subscriber) => {
      let gathered = new Map<Connection, { chunks: Uint8Array[]; isLast: boolean }>();
      let scheduled: Subscription | null = null;

      const flush = (): void => {
        scheduled = null;
        const batches = gathered;
        gathered = new Map();
        for (const [connection, batch] of batches) subscriber.next({ connection, ...batch });
      };

      subscriber.add(() => scheduled?.unsubscribe());
      subscriber.add(
        outgoing$.subscribe({
          next: ({ connection, bytes }) => {
            let batch = gathered.get(connection);
            if (batch === undefined) {
              batch = { chunks: [], isLast: false };
              gathered.set(connection, batch);
            }
            if (bytes === null) batch.isLast = true;
            else batch.chunks.push(bytes);
            scheduled ??= turn.schedule(flush);
          },
          error: (error: unknown) => {
            subscriber.error(error);
          },
          complete: () => {
            flush();
            subscriber.complete();
          },
        }),
      );
    });
}
