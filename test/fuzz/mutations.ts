/** Streams of messages and of what is nearly one. */
import { MAGIC, TAG_BYTES, sizeOf } from '../helpers/bytes.js';
import type { Dice } from '../helpers/seed.js';
import type { Cast } from './wireMessages.js';
import { header, keyOf, makeMessage, retagged, signedIfAllowed } from './wireMessages.js';

/** Changes one message; `another` makes more of them. */
type Mutation = (message: Buffer, random: Dice, cast: Cast, another: () => Buffer) => Buffer;

/** Any bit, but most often one of the header or of the tag, where most of the fields are. */
const flipBits: Mutation = (message, random) => {
  const bytes = Buffer.from(message);
  for (let count = random.between(1, 5); count > 0; count -= 1) {
    const at = random.pick([
      random.below(bytes.length),
      random.below(Math.min(56, bytes.length)),
      bytes.length - 1 - random.below(Math.min(TAG_BYTES, bytes.length)),
    ]);
    bytes[at] ^= 1 << random.below(8);
  }
  return bytes;
};

const changeByte =
  (at: number): Mutation =>
  (message, random) => {
    const bytes = Buffer.from(message);
    if (at < bytes.length) bytes[at] = random.chance(50) ? random.below(256) : random.below(8);
    return bytes;
  };

/** Another type, and as long as that type is. */
const retype: Mutation = (message, random, cast) => {
  const bytes = Buffer.from(message);
  bytes[7] = random.pick([1, 2, 3, 4, 5, 6, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46]);
  const size = sizeOf(bytes) ?? bytes.length;
  const body = bytes.subarray(0, -TAG_BYTES);
  const filled = Buffer.concat([body, random.bytes(size)]).subarray(0, size);
  return signedIfAllowed(filled, cast);
};

const MUTATIONS: readonly Mutation[] = [
  flipBits,
  (...given) => signedIfAllowed(flipBits(...given), given[2]),
  changeByte(7),
  changeByte(6),
  (...given) => signedIfAllowed(changeByte(6)(...given), given[2]),
  retype,
  // Tags by a key that nobody has, and by that of the other family.
  (message, random) => retagged(message, random.bytes(32)),
  (message, _random, { keys }) => {
    const isOfClients = keyOf(message[7], keys) === keys.clientKey;
    return retagged(message, isOfClients ? keys.systemKey : keys.clientKey);
  },
  // Cut off, at either end; a hole in the middle.
  (message, random) => message.subarray(0, random.below(message.length)),
  (message, random) => message.subarray(random.below(message.length)),
  (message, random) => {
    const from = random.below(message.length);
    return Buffer.concat([message.subarray(0, from), message.subarray(from + random.below(64))]);
  },
  (message) => Buffer.concat([message, message]),
  // Half of one and half of another, at the same place and at any.
  (message, random, _cast, another) => {
    const other = another();
    const at = random.below(message.length);
    const from = random.chance(50) ? at : random.below(other.length);
    return Buffer.concat([message.subarray(0, at), other.subarray(Math.min(from, other.length))]);
  },
  // A magic, or a whole message, in the middle: in place of what was there, or between it.
  (message, random, _cast, another) => {
    const inner = random.pick([MAGIC, header(random), another()]);
    const at = random.below(message.length);
    const after = random.chance(50) ? at : at + inner.length;
    return Buffer.concat([message.subarray(0, at), inner, message.subarray(after)]);
  },
];

/** Bytes that belong to no message, but may look like it. */
function makeGarbage(random: Dice): Buffer {
  const length = random.chance(5) ? random.between(10_000, 70_000) : random.below(600);
  switch (random.below(5)) {
    case 0:
      return random.bytes(length);
    case 1: {
      // Beginnings of magics, one inside the other.
      const letters = random.bytes(length);
      for (let at = 0; at < length; at += 1) letters[at] = MAGIC[letters[at] % MAGIC.length];
      return letters;
    }
    case 2:
      return Buffer.from(random.pick(['a', 'at', 'atd', 'atat', 'aatdd', 'atdatdd', 'atddatdd', 'atddatdatdd']));
    case 3: {
      const headers = Array.from({ length: random.between(1, 12) }, () => header(random));
      return Buffer.concat(headers);
    }
    default: {
      // An unknown type, and what follows at once lies within the eight bytes that are dropped.
      const unknown = Buffer.concat([MAGIC, Buffer.from('atd'), Buffer.of(random.pick([0, 0x80]))]);
      return Buffer.concat([unknown, MAGIC.subarray(0, random.below(5))]);
    }
  }
}

/** A stream: valid messages, broken ones, garbage. */
export function hostileStream(random: Dice, cast: Cast, piecesMax = 10): Buffer[] {
  const another = (): Buffer => makeMessage(random, cast);
  return Array.from({ length: random.between(1, piecesMax + 1) }, () => {
    if (random.chance(15)) return makeGarbage(random);
    let message = makeMessage(random, cast);
    for (let count = random.pick([0, 0, 1, 1, 1, 2]); count > 0; count -= 1) {
      if (message.length > 0) message = random.pick(MUTATIONS)(message, random, cast, another);
    }
    return message;
  });
}
