import type { OperatorFunction, SchedulerLike, Subscription } from 'rxjs';
import { EMPTY, Observable, map, switchMap } from 'rxjs';
import { unreachable } from '../src/core/assert.js';
import type { Owed } from '../src/core/link/owed.js';
import {
  expectNoReceipts,
  forgetSent,
  isSettledBySending,
  isSettled,
  oweQuestion,
  oweReply,
  retireQuestion,
  sendDue,
  sendUnsent,
  settleReply,
} from '../src/core/link/owed.js';
import type { OperationId } from '../src/core/operation.js';
import type { Connection } from '../src/ports/connection.js';
import type { Outgoing, Sendable } from './writeTogether.js';

/** See src/core/link/owed.ts for what each debt means and when it ends. */
export type LinkCommand =
  | { readonly kind: 'question'; readonly id: OperationId; readonly message: Sendable }
  | { readonly kind: 'retire'; readonly id: OperationId }
  | { readonly kind: 'reply'; readonly key: string; readonly message: Sendable }
  /** The peer's receipt for the reply of that key has come: it sends receipts. */
  | { readonly kind: 'receipt'; readonly key: string }
  /** The peer sends none: it has been replaced by one of this make. */
  | { readonly kind: 'noReceipts' }
  /** Send the greeting again: it has changed. */
  | { readonly kind: 'greet' }
  /** Nothing that was sent over this connection so far has been taken in. */
  | { readonly kind: 'again' };

/** Those that change what is owed. */
type OwedCommand = Exclude<LinkCommand, { kind: 'greet' }>;

export interface StubbornLinkOptions {
  /** The connection to the peer, each time there is a new one; null when it is gone. */
  readonly connection$: Observable<Connection | null>;
  readonly clock: SchedulerLike;
  /** What stands at the beginning of each connection, as it is then; default: nothing. */
  readonly greeting?: (isNewConnection: boolean) => Uint8Array;
  /** Whether the other end of the connection understands the extension; default: it does not. */
  readonly isExtended?: () => boolean;
  /** What the peer is owed: filled here, for others to look at. One for each subscription. */
  readonly owed: Owed<Sendable>;
  /** With more than this many bytes not taken by the connection, nothing is added to them. */
  readonly bufferBytes: number;
  /**
   * A connection is dropped, so that it is made anew, when the peer was asked something for so long
   * and has said nothing at all. TCP alone may take a quarter of an hour to notice a cut cable, and
   * minutes to notice that it is mended. A peer that is merely slow loses nothing by it.
   */
  readonly silentMs: number;
  /** When the peer was heard of last, by the clock; 0: never. */
  readonly lastHeardMs: () => number;
}

/**
 * Sends to one peer, over whatever connection there is, what it is owed, until it is retired.
 *
 * ```
 * commands     -q-----------r----|   q = a question, r = its retirement
 * connection$  ---C--------------    made after three frames
 * sent         ---q----q------...    at once, then again when due; nothing after r
 * ```
 *
 * On a new connection everything owed is sent again: nobody knows what the old one delivered. A
 * connection that does not take bytes is given nothing until it has. What the other end does not
 * understand it is not sent: messages go as any implementation knows them. Completes with the
 * source; errors of either stream are passed on. Bound: the operations under way, and `repliesMax`.
 */
export function stubbornLink(
  options: StubbornLinkOptions,
): OperatorFunction<LinkCommand, Outgoing> {
  const { connection$, clock, owed, bufferBytes, greeting, isExtended = () => false } = options;
  return (command$) =>
    new Observable((subscriber) => {
      let connection: Connection | null = null;
      let ticking: Subscription | null = null;
      /** Since when the peer has been asked something over this connection. */
      let askedMs = 0;

      const send = (message: Sendable): boolean => {
        if (connection === null || connection.bufferedBytes > bufferBytes) return false;
        subscriber.next({ connection, content: isExtended() ? message : inBaseForm(message) });
        return true;
      };
      const tick = (): void => {
        ticking = null;
        const silentSinceMs = Math.max(askedMs, options.lastHeardMs());
        const isSilent = clock.now() - silentSinceMs >= options.silentMs;
        if (isSilent && owed.questions.size > 0) connection?.destroy();
        else sendDue(owed, clock.now(), send);
        startTicking();
      };
      const startTicking = (): void => {
        if (ticking !== null || isSettled(owed)) return;
        ticking = clock.schedule(tick, owed.limits.retransmitMs / 2);
      };
      // Before all else, however much waits: what comes after it rests on it.
      const greet = (isNewConnection: boolean): void => {
        if (connection === null || greeting === undefined) return;
        subscriber.next({ connection, content: greeting(isNewConnection) });
      };
      const obey = (command: OwedCommand): void => {
        if (command.kind === 'reply' && isSettledBySending(owed) && send(command.message)) return;
        if (owed.questions.size === 0) askedMs = clock.now();
        applyCommand(owed, command);
        if (owed.unsent.size === 0) return;
        sendUnsent(owed, clock.now(), send);
        startTicking();
      };
      const connected$ = connection$.pipe(
        switchMap((next) => {
          connection = next;
          if (next === null) return EMPTY;
          askedMs = clock.now();
          greet(true);
          forgetSent(owed);
          sendUnsent(owed, clock.now(), send);
          return next.drained$;
        }),
        map(() => {
          sendUnsent(owed, clock.now(), send);
        }),
      );
      const error = (failure: unknown): void => {
        subscriber.error(failure);
      };
      const next = (command: LinkCommand): void => {
        if (command.kind === 'greet') greet(false);
        else obey(command);
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

function applyCommand(owed: Owed<Sendable>, command: OwedCommand): void {
  switch (command.kind) {
    case 'question':
      oweQuestion(owed, command.id, command.message);
      break;
    case 'retire':
      retireQuestion(owed, command.id);
      break;
    case 'reply':
      oweReply(owed, command.key, command.message);
      break;
    case 'receipt':
      owed.sendsReceipts = true;
      settleReply(owed, command.key);
      break;
    case 'noReceipts':
      expectNoReceipts(owed);
      break;
    case 'again':
      forgetSent(owed);
      break;
    default:
      unreachable(command);
  }
}
