/**
 * "Bad input" of docs/wire-protocol.md taken literally: all bytes at once, one step at a time, with no thought of
 * speed. What the program makes of bytes that came in pieces is compared with it.
 */
import type { Keys, Message } from './bytes.js';
import { MAGIC, receive, sizeOf, tagOf } from './bytes.js';

/** Who reads: that decides which types it knows. */
export type Receiver =
  /** A process, on a connection that a client or a peer opened. */
  | 'server'
  /** A process, on a connection that it opened to a peer. */
  | 'dialler'
  | 'client';

export type Item =
  | {
      readonly kind: 'message';
      readonly bytes: Buffer;
      readonly message: Message;
      readonly tagIsGood: boolean;
    }
  /** One that only this implementation knows: docs/peer-extension.md. */
  | { readonly kind: 'own'; readonly bytes: Buffer; readonly tagIsGood: boolean }
  /** Belongs to no message. */
  | { readonly kind: 'skipped'; readonly count: number }
  /** The rest: the beginning of a message, or what may become one. */
  | { readonly kind: 'pending'; readonly count: number };

const TYPES_KNOWN: Readonly<Record<Receiver, readonly number[]>> = {
  server: [0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x43, 0x44, 0x45, 0x46],
  dialler: [0x03, 0x04, 0x05, 0x06, 0x43, 0x44, 0x45, 0x46],
  client: [0x41, 0x42],
};

/** Of this implementation's types, the whole length by the first 8 bytes; null: not one of them. */
const OWN_SIZES: Readonly<Record<Receiver, (header: Buffer) => number | null>> = {
  server: (header) => {
    if (header[7] === 0xa1) return 64;
    return header[7] >= 0x90 && header[7] <= 0x92 ? 56 : (packSize(header) ?? betweenPeers(header));
  },
  dialler: (header) => packSize(header) ?? betweenPeers(header),
  client: (header) => {
    if (header[7] === 0xe1) return 584;
    if (header[7] < 0xd0 || header[7] > 0xd2) return packSize(header);
    return header[6] === 0 ? 4144 : 48;
  },
};

/** Of a PACK, as long as more than 65,536 bytes are not allowed (docs/strict-wire.md). */
function packSize(header: Buffer): number | null {
  const size = 32 * header.readUInt16BE(4);
  return header[7] === 0xa0 && size >= 64 && size <= 65_536 ? size : null;
}

function betweenPeers(header: Buffer): number | null {
  const bundleSize = 8 * header.readUInt16BE(4);
  if (header[7] === 0x84) return bundleSize >= 40 && bundleSize <= 65_536 ? bundleSize : null;
  return (
    new Map([
      [0x80, 588],
      [0x88, 672],
      [0x81, 64],
      [0x82, 4176],
      [0x83, 80],
      [0x85, 64],
      [0x86, 80],
      [0x87, 48],
    ]).get(header[7]) ?? null
  );
}

/** @param knowsOwn Whether the receiver is of this implementation: else it skips what only that knows. */
export function decodeSlowly(bytes: Buffer, receiver: Receiver, keys: Keys, knowsOwn = false): Item[] {
  const items: Item[] = [];
  let at = 0;
  const skip = (count: number): void => {
    items.push({ kind: 'skipped', count });
    at += count;
  };
  while (at < bytes.length) {
    const rest = bytes.subarray(at);
    const begin = rest.subarray(0, MAGIC.length);
    if (!begin.equals(MAGIC.subarray(0, begin.length))) {
      skip(1);
      continue;
    }
    const ownSize = knowsOwn && rest.length >= 8 ? OWN_SIZES[receiver](rest) : null;
    if (ownSize !== null && rest.length >= ownSize) {
      const whole = rest.subarray(0, ownSize);
      const isOfClients = rest[7] >= 0x90;
      const key = isOfClients ? keys.clientKey : keys.systemKey;
      const tagIsGood = tagOf(whole.subarray(0, -32), key).equals(whole.subarray(-32));
      items.push({ kind: 'own', bytes: whole, tagIsGood });
      at += ownSize;
      continue;
    }
    if (ownSize !== null) {
      items.push({ kind: 'pending', count: rest.length });
      break;
    }
    const isKnown = rest.length >= 8 && TYPES_KNOWN[receiver].includes(rest[7]);
    if (rest.length >= 8 && !isKnown) {
      skip(8);
      continue;
    }
    const size = isKnown ? sizeOf(rest) : null;
    if (size === null || rest.length < size) {
      items.push({ kind: 'pending', count: rest.length });
      break;
    }
    const whole = rest.subarray(0, size);
    items.push({ kind: 'message', bytes: whole, ...receive(whole, keys) });
    at += size;
  }
  return items;
}

export interface Judge {
  readonly self: number;
  readonly processCount: number;
  /** How many there are. */
  readonly sectors: bigint;
}

/** What becomes of a message: the words of the table in "Bad input". */
export type Judgement =
  | 'accepted'
  | 'AuthFailure'
  | 'InvalidSectorIndex'
  | 'dropped: wrong tag'
  | 'dropped: sector index'
  | 'dropped: sender rank'
  | 'dropped: timestamp'
  | 'dropped: not for a process';

/** For a process; a client has no such table. Which of two faults is named matters to logs alone: in this order. */
export function judgeSlowly(
  { message, tagIsGood }: Extract<Item, { kind: 'message' }>,
  { self, processCount, sectors }: Judge,
): Judgement {
  switch (message.family) {
    case 'request':
      if (!tagIsGood) return 'AuthFailure';
      return message.sector >= sectors ? 'InvalidSectorIndex' : 'accepted';
    case 'response':
      return 'dropped: not for a process';
    case 'receipt':
    case 'process': {
      if (!tagIsGood) return 'dropped: wrong tag';
      const { sender } = message;
      if (sender < 1 || sender > processCount || sender === self) return 'dropped: sender rank';
      if (message.family === 'receipt') return 'accepted';
      if (message.sector >= sectors) return 'dropped: sector index';
      const isTooNew = message.register !== null && message.register.timestamp >= 2n ** 63n;
      return isTooNew ? 'dropped: timestamp' : 'accepted';
    }
  }
}
