/**
 * The messages of the strict register: the reader of packs, and the client's port to a replica.
 *
 * A pack that was accepted means the same when it is packed again; it is judged the same however the bytes are cut; and
 * nothing that was taken in changes when the memory that it came in is used for something else.
 */
import { isDeepStrictEqual } from 'node:util';
import * as fc from 'fast-check';
import { createFrameDecoder } from '../../src/wire/frame.js';
import { PEER_MESSAGES, SERVER_MESSAGES } from '../../src/wire/messageTypes.js';
import { SIZE_PACK_MAX } from '../../src/wire/strict/layout.js';
import { serializeOpen, serializeOpened } from '../../src/wire/strict/openMessages.js';
import type { PackContent } from '../../src/wire/strict/pack.js';
import { Packer, SENDER_CLIENT } from '../../src/wire/strict/pack.js';
import { createTagger } from '../../src/wire/tag.js';
import { judge } from '../../src/wire/verdict.js';
import { INCARNATIONS, RANK, SECTORS, VirtualReplica, tagger } from '../client/strict/virtualReplica.js';
import type { Dice } from '../helpers/seed.js';
import { LIMITS, answer, request } from '../wire/strict/arbitraries.js';
import type { NamedCut } from './cuts.js';
import { chooseCuts, cut } from './cuts.js';
import type { Experiment, Piece, Subject } from './experiment.js';

/** As much as a socket gives at once. */
const CHUNK_BYTES = 65_536;

const clientTagger = createTagger(new Uint8Array(32).fill(1));
const systemTagger = createTagger(new Uint8Array(64).fill(2));
const OPTIONS = { self: 1, ...LIMITS, clientTagger, systemTagger };
const TOKEN = 'sixteen letters.';

export const packSubject: Subject = { name: 'packs', weight: 1, make: makePacks };
export const portSubject: Subject = { name: 'port', weight: 1, make: makePort };

function sample<Value>(random: Dice, arbitrary: fc.Arbitrary<Value>, countMax: number): Value[] {
  return fc.sample(arbitrary, { seed: random.below(2 ** 31), numRuns: random.between(1, countMax + 1) });
}

/** With other bytes in some places, most of them near the beginning; the tag is right again afterwards, or not. */
function spoilt(random: Dice, message: Buffer, sign: (bytes: Buffer) => void): Buffer {
  const bytes = Buffer.from(message);
  for (let count = random.between(1, 4); count > 0; count -= 1) {
    const place = random.below(random.chance(80) ? Math.min(bytes.length, 160) : bytes.length);
    bytes[place] = random.chance(50) ? random.below(256) : random.below(8);
  }
  if (random.chance(80)) sign(bytes);
  return random.chance(10) ? bytes.subarray(0, random.below(bytes.length)) : bytes;
}

function makePacks(random: Dice): Experiment {
  const isOfClient = random.chance(50);
  const own = isOfClient ? clientTagger : systemTagger;
  const packer = new Packer(isOfClient ? SENDER_CLIENT : 2, own);
  const pieces = Array.from({ length: random.between(1, 5) }, () => {
    if (random.chance(10)) return serializeOpen({ token: TOKEN, version: 1 }, clientTagger);
    const packed = random.chance(50)
      ? packer.packRequests(sample(random, request, 3))
      : packer.packAnswers([1, 2, 3, 4, 5], sample(random, answer, 3));
    const pack = Buffer.concat(packed);
    if (random.chance(30)) return pack;
    return spoilt(random, pack, (bytes) => {
      own.sign(bytes);
    });
  });
  const cuts = chooseCuts(pieces, random, 2);
  const table = random.chance(50) ? SERVER_MESSAGES : PEER_MESSAGES;
  return {
    pieces: pieces.map((bytes) => ({ lane: 0, bytes })),
    check: (given: readonly Piece[]) => {
      const bytes = Buffer.concat(given.map((piece) => piece.bytes));
      const [first, ...others] = cuts.map((way) => judged(bytes, way));
      for (const [index, other] of others.entries()) {
        if (!isDeepStrictEqual(first, other)) return `judged otherwise in ${cuts[index + 1].name}`;
      }
      for (const verdict of first) {
        if (verdict.kind === 'dropped' && verdict.reason === 'invalidContent' && verdict.detail === undefined) {
          return 'a pack is refused without a reason';
        }
        if (verdict.kind === 'pack' && !meansTheSame(verdict.content)) {
          return 'a pack means something else when repeated';
        }
      }
      return null;
    },
  };

  function judged(bytes: Buffer, way: NamedCut) {
    const decoder = createFrameDecoder(table, () => SIZE_PACK_MAX);
    const verdicts = [...chunksOf(bytes, way)].flatMap((chunk) => {
      const frames = decoder.push(chunk);
      const some = frames.map(({ type, bytes: frame }) => judge({ frame, message: type.parse(frame) }, OPTIONS));
      chunk.fill(0xee);
      return some;
    });
    return verdicts.map(plain);
  }
}

/** Copies of at most as much as a socket gives at once. */
function* chunksOf(bytes: Buffer, way: NamedCut): Generator<Buffer> {
  for (const piece of cut(bytes, way)) {
    for (let at = 0; at < piece.length; at += CHUNK_BYTES) yield Buffer.from(piece.subarray(at, at + CHUNK_BYTES));
  }
}

function meansTheSame(content: PackContent): boolean {
  const packer = new Packer(2, systemTagger);
  const bytes = Buffer.concat(
    content.kind === 'requests'
      ? packer.packRequests(content.requests)
      : packer.packAnswers(content.incarnations, content.answers),
  );
  const [frame] = createFrameDecoder(SERVER_MESSAGES, () => SIZE_PACK_MAX).push(bytes);
  // Without messages there is nothing to pack.
  if (bytes.length === 0) return true;
  const verdict = judge({ frame: frame.bytes, message: frame.type.parse(frame.bytes) }, OPTIONS);
  return verdict.kind === 'pack' && isDeepStrictEqual(plain(verdict.content), plain(content));
}

/** Data as Uint8Arrays, whatever they are: a comparison looks at the class too. */
function plain<Value>(value: Value): Value {
  if (value instanceof Uint8Array) return Uint8Array.from(value) as Value;
  if (Array.isArray(value)) return value.map(plain) as Value;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, plain<unknown>(field)])) as Value;
}

/** Whatever a process says: requests that were sent are answered at most once each, others never; nothing is thrown. */
function makePort(random: Dice): Experiment {
  const said = Array.from({ length: random.between(1, 8) }, () => {
    const message = random.chance(30) ? openedBytes(random) : answersBytes(random);
    if (random.chance(40)) return message;
    return spoilt(random, message, (bytes) => {
      tagger.sign(bytes);
    });
  });
  const range = { first: 0, count: random.between(1, 4) };
  return {
    pieces: said.map((bytes) => ({ lane: 0, bytes })),
    check: (given: readonly Piece[]) => {
      const replica = new VirtualReplica();
      replica.end.opened();
      const sent = new Set<number>();
      for (const { bytes } of given) {
        if (replica.isUp) {
          for (const number of replica.send({ kind: 'query', range, wantsData: true })) sent.add(number);
        }
        replica.end.receive(Buffer.from(bytes));
        replica.advance(1);
      }
      const numbers = replica.answers.map((one) => one.request);
      replica.stop();
      // The port ends its half; the connection is over when the process has ended the other.
      replica.end.endReading();
      replica.advance(1);
      if (!replica.isOver || replica.isUp) return 'it does not end';
      if (new Set(numbers).size !== numbers.length) return 'a request was answered twice';
      return numbers.every((number) => sent.has(number)) ? null : 'a request was answered that was not sent';
    },
  };

  function openedBytes(dice: Dice): Buffer {
    const opened = { rank: RANK, echo: 'token number 001', version: 1, processCount: 3, sectors: SECTORS } as const;
    const mode = dice.pick(['open', 'strict'] as const);
    const memberState = dice.pick(['fresh', 'joining', 'member'] as const);
    return serializeOpened({ ...opened, mode, memberState, incarnations: INCARNATIONS }, tagger);
  }

  function answersBytes(dice: Dice): Buffer {
    const version = { stamp: { counter: 1n, coordinator: TOKEN }, origin: { counter: 1n, coordinator: TOKEN } };
    const answers = Array.from({ length: dice.between(1, 4) }, () => {
      const count = dice.between(1, 4);
      const data = dice.pick(['zeros', 'damaged', null] as const);
      const runs = [{ count, version, promised: version.stamp, data }];
      return { number: dice.below(8), range: { first: 0, count }, answer: { kind: 'state', runs } } as const;
    });
    return Buffer.concat(new Packer(RANK, tagger).packAnswers(INCARNATIONS, answers));
  }
}
