/** Valid messages of the wire protocol with fields at their edges, built by the tests' own code. */
import type { Keys, Message, Padding, ProcessKind, RegisterValue } from '../helpers/bytes.js';
import { processBytes, receiptBytes, requestBytes, responseBytes } from '../helpers/bytes.js';
import { receive, sizeOf, tagOf, MAGIC, SECTOR_BYTES, TAG_BYTES } from '../helpers/bytes.js';
import type { Dice } from '../helpers/seed.js';

export type Family = Message['family'];

export interface KnownOperation {
  readonly id: string;
  readonly sector: bigint;
}

/** What messages are made of: lists to choose from. */
export interface Cast {
  readonly keys: Keys;
  readonly families: readonly Family[];
  readonly ranks: readonly number[];
  /** Of requests. */
  readonly requestSectors: readonly bigint[];
  /** Of process messages. */
  readonly sectors: readonly bigint[];
  readonly requestNumbers: readonly bigint[];
  readonly timestamps: readonly bigint[];
  readonly ids: readonly string[];
  /** Which really are under way, or were. */
  readonly operations: readonly KnownOperation[];
  /** Whether a message of that content may be given a right tag: it will be obeyed. */
  maySign(message: Message): boolean;
}

export const U64_EDGES: readonly bigint[] = [
  ...[0n, 1n, 2n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 53n + 1n],
  ...[2n ** 62n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n],
];

const PROCESS_KINDS: readonly ProcessKind[] = ['READ_PROC', 'VALUE', 'WRITE_PROC', 'ACK'];

/** A whole message; its tag is right, unless it is one that may have none. */
export function makeMessage(random: Dice, cast: Cast): Buffer {
  const message = makeContent(random, cast);
  const padding: Padding = random.chance(50) ? 'zeros' : (length) => random.bytes(length);
  const { clientKey, systemKey } = cast.maySign(message)
    ? cast.keys
    : { clientKey: random.bytes(32), systemKey: random.bytes(64) };
  switch (message.family) {
    case 'request':
      return requestBytes(message, clientKey, padding);
    case 'response':
      return responseBytes(message, clientKey, padding);
    case 'receipt':
      return receiptBytes(message, systemKey, padding);
    case 'process':
      return processBytes(message, systemKey, padding);
  }
}

function makeContent(random: Dice, cast: Cast): Message {
  const family = random.pick(cast.families);
  switch (family) {
    case 'request': {
      const data = random.chance(50) ? makeData(random, cast) : null;
      const requestNumber = random.pick(cast.requestNumbers);
      const sector = random.pick(cast.requestSectors);
      return { family, kind: data === null ? 'READ' : 'WRITE', requestNumber, sector, data };
    }
    case 'response': {
      const kind = random.pick(['READ', 'WRITE'] as const);
      const status = random.pick([
        ...(['Ok', 'Ok', 'Ok', 'AuthFailure', 'InvalidSectorIndex'] as const),
        ...(['unknown 3', 'unknown 255'] as const),
      ]);
      const data = kind === 'READ' && status === 'Ok' ? makeData(random, cast) : null;
      return { family, kind, status, requestNumber: random.pick(cast.requestNumbers), data };
    }
    case 'receipt': {
      const { id } = pickOperation(random, cast);
      return {
        family,
        receiptFor: random.pick(PROCESS_KINDS),
        sender: random.pick(cast.ranks),
        id,
      };
    }
    case 'process': {
      const kind = random.pick(PROCESS_KINDS);
      const carriesData = kind === 'VALUE' || kind === 'WRITE_PROC';
      const register = carriesData ? makeRegister(random, cast) : null;
      const sender = random.pick(cast.ranks);
      return { family, kind, sender, register, ...pickOperation(random, cast) };
    }
  }
}

/** One that there is, or any. */
function pickOperation(random: Dice, { operations, ids, sectors }: Cast): KnownOperation {
  if (operations.length > 0 && random.chance(50)) return random.pick(operations);
  return { id: random.pick(ids), sector: random.pick(sectors) };
}

function makeRegister(random: Dice, cast: Cast): RegisterValue {
  return {
    timestamp: random.pick(cast.timestamps),
    writeRank: random.pick([0, 1, 2, 254, 255]),
    data: makeData(random, cast),
  };
}

/** Some of it looks like messages. */
function makeData(random: Dice, cast: Cast): Buffer {
  const data = random.chance(30) ? Buffer.alloc(SECTOR_BYTES) : random.bytes(SECTOR_BYTES);
  for (let count = random.chance(50) ? 0 : random.between(1, 6); count > 0; count -= 1) {
    const inner = random.chance(50) ? makeMessage(random, cast) : header(random);
    // What does not fit is cut off.
    inner.copy(data, random.below(SECTOR_BYTES));
  }
  return data;
}

/** Eight bytes that begin a message, of some type. */
export function header(random: Dice): Buffer {
  return Buffer.concat([MAGIC, random.bytes(4)]);
}

/** The key that messages of that type are tagged with. */
export function keyOf(type: number, keys: Keys): Uint8Array {
  const isOfClients = [0x01, 0x02, 0x41, 0x42].includes(type);
  return isOfClients ? keys.clientKey : keys.systemKey;
}

/** The same bytes with a tag by that key. */
export function retagged(bytes: Buffer, key: Uint8Array): Buffer {
  const before = bytes.subarray(0, Math.max(0, bytes.length - TAG_BYTES));
  return Buffer.concat([before, tagOf(before, key)]);
}

/** With a right tag, if they are a whole message that may have one; else as they are. */
export function signedIfAllowed(bytes: Buffer, cast: Cast): Buffer {
  if (bytes.length < 8 || sizeOf(bytes) !== bytes.length) return bytes;
  const signed = retagged(bytes, keyOf(bytes[7], cast.keys));
  return cast.maySign(receive(signed, cast.keys).message) ? signed : bytes;
}
