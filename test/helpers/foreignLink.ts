/**
 * The ways in which foreign processes send their messages to a peer. All of them are allowed by docs/wire-protocol.md;
 * see foreignPeer.ts.
 */
import type { Keys, ProcessKind, ReceiptMessage } from './bytes.js';
import { MessageReader } from './bytes.js';
import type { ForeignSocket, ForeignWorld, Timer } from './foreignWorld.js';

export interface Outgoing {
  readonly kind: ProcessKind;
  readonly id: string;
  readonly bytes: Buffer;
}

export interface Link {
  send(message: Outgoing): void;
  /** Drops the connection and everything that waits. */
  close(): void;
}

export interface LinkOptions {
  readonly world: ForeignWorld;
  /** Of the peer. */
  readonly rank: number;
  readonly keys: Keys;
  /** Called for every receipt that comes back over a connection that this link dialled. */
  readonly onReceipt: (receipt: ReceiptMessage) => void;
  readonly onFault: (text: string) => void;
}

const REDIAL_MS = 50;
/** What waits for a connection; more is dropped, as a full queue would: the sender asks again. */
const WAITING_COUNT_MAX = 10_000;

function onDialledData(socket: ForeignSocket, options: LinkOptions): void {
  const reader = new MessageReader(options.keys);
  socket.on('data', (chunk) => {
    for (const { message, tagIsGood } of reader.push(chunk)) {
      if (message.family !== 'receipt') {
        options.onFault(`a ${message.family} came back over a connection dialled by its receiver`);
      } else if (!tagIsGood) options.onFault('a receipt has a wrong tag');
      else options.onReceipt(message);
    }
  });
}

/** One connection, dialled again when it breaks; or every so often even when it does not. */
export function keptConnection(
  options: LinkOptions,
  { readsBack = true, redialEveryMs }: { readsBack?: boolean; redialEveryMs?: number } = {},
): Link {
  const { world, rank } = options;
  let socket: ForeignSocket | null = null;
  let dialling: ForeignSocket | null = null;
  let redial: Timer | null = null;
  let closed = false;
  const waiting: Buffer[] = [];

  const dial = (): void => {
    if (closed) return;
    const dialled = world.dial(rank);
    dialling = dialled;
    if (readsBack) onDialledData(dialled, options);
    dialled.on('connect', () => {
      socket = dialled;
      for (const bytes of waiting.splice(0)) dialled.write(bytes);
    });
    dialled.on('error', () => {
      // 'close' follows and dials again.
    });
    dialled.on('close', () => {
      if (socket === dialled) socket = null;
      redial = world.later(REDIAL_MS, dial);
    });
  };
  dial();
  const breaker = redialEveryMs === undefined ? null : world.every(redialEveryMs, () => socket?.destroy());

  return {
    send({ bytes }) {
      if (socket !== null) socket.write(bytes);
      else if (waiting.length < WAITING_COUNT_MAX) waiting.push(bytes);
    },
    close() {
      closed = true;
      redial?.cancel();
      breaker?.cancel();
      dialling?.destroy();
    },
  };
}

/** A connection for every message, ended right after it. */
export function connectionPerMessage(options: LinkOptions): Link {
  const open = new Set<ForeignSocket>();
  return {
    send({ bytes }) {
      const socket = options.world.dial(options.rank);
      open.add(socket);
      onDialledData(socket, options);
      socket.on('error', () => {
        // The message is lost; its sender asks again.
      });
      socket.on('close', () => open.delete(socket));
      socket.end(bytes);
    },
    close() {
      for (const socket of open) socket.destroy();
    },
  };
}

/**
 * One message at a time: sent again every `resendMs` until its receipt has come, and nothing else is sent to that peer
 * before. Call `receiptCame` for what `onReceipt` was given.
 */
export function stallingLink(
  inner: Link,
  resendMs: number,
  world: ForeignWorld,
): Link & { receiptCame(receipt: ReceiptMessage): void; readonly queuedCount: number } {
  const queue: Outgoing[] = [];
  const sendHead = (): void => {
    if (queue.length > 0) inner.send(queue[0]);
  };
  const timer = world.every(resendMs, sendHead);
  return {
    get queuedCount() {
      return queue.length;
    },
    send(message) {
      queue.push(message);
      if (queue.length === 1) sendHead();
    },
    receiptCame({ receiptFor, id }) {
      if (queue.length === 0 || queue[0].kind !== receiptFor || queue[0].id !== id) return;
      queue.shift();
      sendHead();
    },
    close() {
      timer.cancel();
      inner.close();
    },
  };
}
