import type { OperatorFunction, SchedulerLike, Subscription } from 'rxjs';
import { Observable } from 'rxjs';
import { assert } from '../src/core/assert.js';
import type { Connection } from '../src/ports/connection.js';
import type { OutgoingMessage } from '../src/wire/outgoingMessage.js';
import type { Packed } from '../src/wire/strict/outgoingPack.js';

/** Bytes, or a message that becomes bytes when it is sent. */
export type Sendable = Uint8Array | OutgoingMessage;

/** Content for one connection; null: the connection is to be ended after the content before. */
export interface Outgoing {
  readonly connection: Connection;
  readonly content: Sendable | Packed | null;
}

/** All content for one connection in one turn. */
export interface Batch {
  readonly connection: Connection;
  readonly chunks: readonly Uint8Array[];
  /** Whether the connection is to be ended after the chunks. */
  readonly isLast: boolean;
}

/**
 * Gathers what one turn of the event loop sends, and emits it at the end of the turn as one batch for each connection.
 * So a batch takes one system call instead of one for each message.
 *
 * ```
 * messages  -(aza)--b-|      a, b for one connection, z for another; a turn ends one frame later
 * batches   --(xy)---w|      x = [a, a], y = [z], w = [b]
 * ```
 *
 * `pack` turns the contents for one connection in one turn into bytes. Without it, all contents have to be bytes.
 *
 * Order is kept per connection. At the end of the source, the gathered batches are emitted; an error is passed on at
 * once. Bound: what one turn produces.
 */
export function writeTogether(
  turn: SchedulerLike,
  pack: (contents: readonly (Sendable | Packed)[]) => readonly Uint8Array[] = onlyBytes,
): OperatorFunction<Outgoing, Batch> {
  return (outgoing$) =>
    new Observable((subscriber) => {
      let gathered = new Map<Connection, { contents: (Sendable | Packed)[]; isLast: boolean }>();
      let scheduled: Subscription | null = null;

      const flush = (): void => {
        scheduled = null;
        const batches = gathered;
        gathered = new Map();
        for (const [connection, { contents, isLast }] of batches) {
          subscriber.next({ connection, chunks: pack(contents), isLast });
        }
      };

      subscriber.add(() => scheduled?.unsubscribe());
      subscriber.add(
        outgoing$.subscribe({
          next: ({ connection, content }) => {
            let batch = gathered.get(connection);
            if (batch === undefined) {
              batch = { contents: [], isLast: false };
              gathered.set(connection, batch);
            }
            if (content === null) batch.isLast = true;
            else batch.contents.push(content);
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

function onlyBytes(contents: readonly (Sendable | Packed)[]): Uint8Array[] {
  return contents.map((content) => {
    assert(content instanceof Uint8Array, 'a message that nobody makes bytes of');
    return content;
  });
}
