/**
 * Handshake and requests of src/nbd against slowNbd.ts: the same replies, the same negotiation, the same requests and
 * refusals, and the end at the same place, however the bytes are cut.
 */
import { isDeepStrictEqual } from 'node:util';
import { Subject } from 'rxjs';
import type { NbdInput } from '../../streams/decodeNbd.js';
import { decodeNbd } from '../../streams/decodeNbd.js';
import type { Dice } from '../helpers/seed.js';
import { bytes, clientFlags, infoData, metaData, option, request } from '../nbd/wire.js';
import type { NamedCut } from './cuts.js';
import { chooseCuts, cut } from './cuts.js';
import type { Experiment, Piece, Subject as FuzzSubject } from './experiment.js';
import type { SlowEvent, SlowExport } from './slowNbd.js';
import { serveSlowly } from './slowNbd.js';

export const nbdSubject: FuzzSubject = { name: 'nbd', weight: 3, make };

/** Sessions ask for these. */
export const EXPORT_NAMES = ['', 'fixed', 'größte'];

const EXPORTS: readonly SlowExport[] = [
  { name: '', firstSector: 100, sectors: 16, isReadOnly: false },
  { name: 'fixed', firstSector: 0, sectors: 4, isReadOnly: true },
  { name: 'größte', firstSector: 200, sectors: 2 ** 48, isReadOnly: false },
];

function make(random: Dice): Experiment {
  const pieces = nbdSession(random);
  const cuts = chooseCuts(pieces, random, 2);
  return {
    pieces: pieces.map((piece) => ({ lane: 0, bytes: piece })),
    check: (given: readonly Piece[]) => {
      const sent = Buffer.concat(given.map((piece) => piece.bytes));
      const expected = serveSlowly(sent, EXPORTS);
      for (const way of cuts) {
        const fault = compare(serve(sent, way), expected);
        if (fault !== null) return `${way.name}: ${fault}`;
      }
      return null;
    },
  };
}

function compare(seen: readonly SlowEvent[], expected: readonly SlowEvent[]): string | null {
  if (isDeepStrictEqual(seen, expected)) return null;
  const index = expected.findIndex((event, at) => !isDeepStrictEqual(seen.at(at), event));
  const at = index === -1 ? expected.length : index;
  return `${at} should be ${show(expected.at(at))}\nand is ${show(seen.at(at))}`;
}

const show = (event: SlowEvent | undefined): string =>
  JSON.stringify(event ?? 'nothing', (_key, value: unknown) =>
    typeof value === 'bigint' ? String(value) : value,
  ).slice(0, 300);

// What the program does

function serve(sent: Buffer, way: NamedCut): SlowEvent[] {
  const chunks = new Subject<Uint8Array>();
  const inputs: NbdInput[] = [];
  let hasFailed: unknown = null;
  chunks.pipe(decodeNbd(EXPORTS)).subscribe({
    next: (input) => inputs.push(input),
    error: (error: unknown) => (hasFailed = error),
  });
  for (const chunk of cut(sent, way)) {
    chunks.next(chunk);
    chunk.fill(0xee);
  }
  if (hasFailed !== null) throw hasFailed as Error;
  // The first is the greeting.
  return inputs.slice(1).map(named);
}

function named(input: NbdInput): SlowEvent {
  switch (input.kind) {
    case 'reply':
      return replyNamed(Buffer.from(input.bytes));
    case 'negotiated': {
      const { export: found, isStructured, hasAllocation } = input.negotiated;
      return { kind: 'negotiated', name: found.name, isStructured, hasAllocation };
    }
    case 'request': {
      const { command, flags, cookie, offsetBytes, lengthBytes, data } = input.request;
      const what = { command, flags, cookie, offset: offsetBytes, length: lengthBytes };
      return { kind: 'request', ...what, data: Buffer.from(data).toString('hex') };
    }
    case 'refused':
      return { kind: 'refused', cookie: input.refusal.cookie, error: input.refusal.error };
    case 'end':
      return { kind: 'end' };
  }
}

function replyNamed(reply: Buffer): SlowEvent {
  if (reply.toString('hex', 0, 8) !== '0003e889045565a9') {
    return { kind: 'old reply', data: reply.toString('hex') };
  }
  const [number, type, length] = [8, 12, 16].map((at) => reply.readUInt32BE(at));
  const data = reply.subarray(20);
  if (data.length !== length) throw new Error(`a reply with ${data.length} bytes for ${length}`);
  // The texts of errors are for people.
  return { kind: 'reply', option: number, type, data: type >= 2 ** 31 ? '' : data.toString('hex') };
}

// Clients

/** All that a client sends over a connection: a handshake most often, then requests. */
export function nbdSession(random: Dice): Buffer[] {
  const flags = random.chance(95) ? random.below(4) : random.below(2 ** 32);
  const pieces = [clientFlags(flags)];
  const optionCount = random.chance(2) ? 1_030 : random.below(6);
  for (let count = 0; count < optionCount; count += 1) {
    pieces.push(mangled(makeOption(random), random));
  }
  if (random.chance(80)) {
    if (random.chance(60)) pieces.push(option(8));
    const name = random.pick(EXPORT_NAMES);
    const described = random.chance(80) ? name : random.pick(EXPORT_NAMES);
    if (random.chance(50)) pieces.push(option(10, metaData(described, 'base:allocation')));
    pieces.push(random.chance(80) ? option(7, infoData(name)) : option(1, Buffer.from(name)));
    for (let count = random.below(12); count > 0; count -= 1) {
      pieces.push(mangled(makeRequest(random), random));
    }
  }
  return pieces;
}

function makeName(random: Dice): string {
  return random.pick(['', 'fixed', 'größte', 'none', '\uFFFD', 'x'.repeat(4_096), 'y'.repeat(4_097)]);
}

function makeOption(random: Dice): Buffer {
  const name = makeName(random);
  const queries = [...Array(random.below(4)).keys()].map(() =>
    random.pick(['base:allocation', 'base:', 'base:allocatio', 'other:x', '', 'base:allocation\0']),
  );
  const wanted = [...Array(random.below(4)).keys()].map(() => random.below(5));
  const data = random.pick([
    () => infoData(name, wanted),
    () => metaData(name, ...queries),
    () => Buffer.from(name),
    () => random.bytes(random.below(40)),
    // Counts that lie.
    () => bytes([4, 0], [4, random.pick([1, 2 ** 16, 2 ** 32 - 1])], [4, 0]),
    () => bytes([4, random.pick([1, 2 ** 31, 2 ** 32 - 1])], 'x', [2, 0]),
    () => Buffer.alloc(random.chance(90) ? 0 : random.between(65_535, 65_538)),
  ])();
  const number = random.chance(90) ? random.below(12) : random.below(2 ** 32);
  // Of these the data is left out most of the time: the pieces that follow take its place.
  const length = random.pick([2 ** 24, 2 ** 24 + 1, 2 ** 32 - 1]);
  return random.chance(3) ? bytes('IHAVEOPT', [4, number], [4, length]) : option(number, data);
}

function makeRequest(random: Dice): Buffer {
  const size = 16n * 4_096n;
  const offset = random.pick([
    ...[0n, 0n, 1n, 4_096n, 4_097n, size - 4_096n, size - 1n, size, size + 1n],
    ...[2n ** 60n - 4_096n, 2n ** 60n, 2n ** 63n, 2n ** 64n - 1n],
  ]);
  const type = random.chance(90) ? random.below(9) : random.below(2 ** 16);
  const flags = random.chance(60) ? 0 : random.pick([1, 2, 4, 8, 0x10, 0x13, 0x20, 0xffff]);
  const cookie = random.pick([0n, 1n, 2n ** 64n - 1n]);
  const fixed = { type, flags, cookie, offset };
  if (type === 1) return request({ ...fixed, data: random.bytes(random.pick([0, 1, 28, 4_096])) });
  const lengths = [0, 1, 4_095, 4_096, 65_536, 2 ** 25, 2 ** 25 + 1, 2 ** 32 - 1];
  return request({ ...fixed, length: random.pick(lengths) });
}

/** Most as they are. */
function mangled(piece: Buffer, random: Dice): Buffer {
  if (random.chance(85)) return piece;
  const at = random.below(piece.length);
  switch (random.below(5)) {
    case 0: {
      const flipped = Buffer.from(piece);
      flipped[at] ^= 1 << random.below(8);
      return flipped;
    }
    case 1:
      return piece.subarray(0, at);
    case 2:
      return Buffer.concat([piece, piece]);
    case 3:
      return Buffer.concat([piece.subarray(0, at), random.bytes(random.below(30))]);
    default:
      return Buffer.concat([piece.subarray(0, at), makeRequest(random), piece.subarray(at)]);
  }
}
