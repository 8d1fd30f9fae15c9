import type { OperatorFunction, SchedulerLike, Subscription } from 'rxjs';
import { EMPTY, Observable, map, switchMap } from 'rxjs';
import { unreachable } from '../src/core/assert.js';
import type { Outbox } from '../src/core/link/outbox.js';
import {
  expectNoReceipts,
  forgetSent,
  isDoneBySending,
  isEmpty,
  addQuestion,
  addReply,
  retireQuestion,
  sendDue,
  sendUnsent,
  acknowledgeReply,
} from '../src/core/link/outbox.js';
import type { OperationId } from '../src/core/operation.js';
import type { Connection } from '../src/ports/connection.js';
import type { Outgoing, Sendable } from './writeTogether.js';

/** src/core/link/outbox.ts says what each entry means and when it ends. */
export type LinkCommand =
  | { readonly kind: 'question'; readonly id: OperationId; readonly message: Sendable }
  | { readonly kind: 'retire'; readonly id: OperationId }
  | { readonly kind: 'reply'; readonly key: string; readonly message: Sendable }
  /** The peer's receipt for the reply of that key has come: it sends receipts. */
  | { readonly kind: 'receipt'; readonly key: string }
  /** The peer sends no receipts any more: it has been replaced by one of the own implementation. */
  | { readonly kind: 'noReceipts' }
  /** Send the hello again: it has changed. */
  | { readonly kind: 'sendHello' }
  /** The peer has taken in nothing that was sent over this connection so far. */
  | { readonly kind: 'again' };

/** The commands that change the outbox. */
type OutboxCommand = Exclude<LinkCommand, { kind: 'sendHello' }>;

export interface StubbornLinkOptions {
  /** The connection to the peer, each time there is a new one; null when it is gone. */
  readonly connection$: Observable<Connection | null>;
  readonly clock: SchedulerLike;
  /** The bytes to be sent first on each connection, and again for `sendHello`; default: none. */
  readonly hello?: (isNewConnection: boolean) => Uint8Array;
  /** Whether the other end of the connection understands the extension; default: it does not. */
  readonly isExtended?: () => boolean;
  /** The messages for the peer. Only this operator changes it; others may read it. One for each subscription. */
  readonly outbox: Outbox<Sendable>;
  /** While the connection buffers more bytes than this, nothing is sent but hellos. */
  readonly bufferBytes: number;
  /**
   * A connection is dropped, so that it is made anew, when a question has been unanswered for so many milliseconds in
   * which the peer has sent nothing at all. TCP alone may take a quarter of an hour to notice a cut cable, and minutes
   * to notice that it is mended. A peer that is merely slow loses nothing by that.
   */
  readonly silentMs: number;
  /** When the last message of the peer came, in milliseconds of the clock; 0: never. */
  readonly lastReceivedMs: () => number;
}

/**
 * Sends the messages of an outbox to one peer, over the connection that there is. A question is sent again and again
 * until it is retired.
 *
 * ```
 * commands     -q---------------r----   q = a question, r = its retirement
 * connection$  C---------------------
 * sent         -q---q-------q--------   at once, then again when due; nothing after r
 * ```
 *
 * On a new connection all of the outbox is sent again, because it is not known what the old connection delivered. A
 * connection whose buffer is full gets nothing until it has drained. A peer that does not understand the extension gets
 * the messages in their base form. Completes with the source; errors of either stream are passed on. Bound: the
 * operations under way, and `repliesMax`.
 */
export function stubbornLink(options: StubbornLinkOptions): OperatorFunction<LinkCommand, Outgoing> {
  const { connection$, clock, outbox, bufferBytes, hello, isExtended = () => false } = options;
  return (command$) =>
    new Observable((subscriber) => {
      let connection: Connection | null = null;
      let ticking: Subscription | null = null;
      /** Since when there have been questions for the peer on this connection, in milliseconds of the clock. */
      let askedMs = 0;

      const send = (message: Sendable): boolean => {
        if (connection === null || connection.bufferedBytes > bufferBytes) return false;
        subscriber.next({ connection, content: isExtended() ? message : inBaseForm(message) });
        return true;
      };
      const tick = (): void => {
        ticking = null;
        const silentSinceMs = Math.max(askedMs, options.lastReceivedMs());
        const isSilent = clock.now() - silentSinceMs >= options.silentMs;
        if (isSilent && outbox.questions.size > 0) connection?.destroy();
        else sendDue(outbox, clock.now(), send);
        startTicking();
      };
      const startTicking = (): void => {
        if (ticking !== null || isEmpty(outbox)) return;
        ticking = clock.schedule(tick, outbox.limits.retransmitMs / 2);
      };
      // Sent before all else, even to a full buffer, because the peer takes in nothing before the hello.
      const sendHello = (isNewConnection: boolean): void => {
        if (connection === null || hello === undefined) return;
        subscriber.next({ connection, content: hello(isNewConnection) });
      };
      const handleCommand = (command: OutboxCommand): void => {
        if (command.kind === 'reply' && isDoneBySending(outbox) && send(command.message)) return;
        if (outbox.questions.size === 0) askedMs = clock.now();
        applyCommand(outbox, command);
        if (outbox.unsent.size === 0) return;
        sendUnsent(outbox, clock.now(), send);
        startTicking();
      };
      const connected$ = connection$.pipe(
        switchMap((next) => {
          connection = next;
          if (next === null) return EMPTY;
          askedMs = clock.now();
          sendHello(true);
          forgetSent(outbox);
          sendUnsent(outbox, clock.now(), send);
          return next.drained$;
        }),
        map(() => {
          sendUnsent(outbox, clock.now(), send);
        }),
      );
      const error = (failure: unknown): void => {
        subscriber.error(failure);
      };
      const next = (command: LinkCommand): void => {
        if (command.kind === 'sendHello') sendHello(false);
        else handleCommand(command);
      };
      const complete = (): void => {
        subscriber.complete();
      };
      subscriber.add(() => ticking?.unsubscribe());
      subscriber.add(connected$.subscribe({ error }));
      subscriber.add(command$.subscribe({ next, error, complete }));
    });
}

function inBaseForm(message: Sendable): Uint8Array {
  return message instanceof Uint8Array ? message : message.base();
}

function applyCommand(outbox: Outbox<Sendable>, command: OutboxCommand): void {
  switch (command.kind) {
    case 'question':
      addQuestion(outbox, command.id, command.message);
      break;
    case 'retire':
      retireQuestion(outbox, command.id);
      break;
    case 'reply':
      addReply(outbox, command.key, command.message);
      break;
    case 'receipt':
      outbox.sendsReceipts = true;
      acknowledgeReply(outbox, command.key);
      break;
    case 'noReceipts':
      expectNoReceipts(outbox);
      break;
    case 'again':
      forgetSent(outbox);
      break;
    default:
      unreachable(command);
  }
}
