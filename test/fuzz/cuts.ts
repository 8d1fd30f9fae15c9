/** The ways in which TCP may cut a stream of bytes. */
import { MAGIC } from '../helpers/bytes.js';
import type { Dice } from '../helpers/seed.js';

/** Lengths of the chunks, in order; what is left over after the last is one more. */
export type Cut = readonly number[];

/** Single bytes of streams longer than this take longer than they show. */
const SINGLE_BYTES_MAX = 12_000;

export interface NamedCut {
  readonly name: string;
  readonly lengths: Cut;
}

/** In one piece, and in so many other ways. */
export function chooseCuts(pieces: readonly Buffer[], random: Dice, count: number): NamedCut[] {
  const bytes = Buffer.concat(pieces);
  const ways: readonly (() => NamedCut)[] = [
    () => ({ name: 'single bytes', lengths: ones(Math.min(bytes.length, SINGLE_BYTES_MAX)) }),
    () => ({ name: 'small chunks', lengths: lengthsUpTo(16, bytes.length, random) }),
    () => ({ name: 'chunks of any size', lengths: lengthsUpTo(5_000, bytes.length, random) }),
    () => ({ name: 'near the edges of messages', lengths: nearEdges(pieces, random) }),
    () => ({ name: 'inside magics and headers', lengths: insideHeaders(bytes, random) }),
  ];
  const chosen = Array.from({ length: count }, () => random.pick(ways)());
  return [{ name: 'one chunk', lengths: [] }, ...chosen];
}

/** Copies, so that a chunk can be overwritten once it was handed over. */
export function* cut(bytes: Buffer, { lengths }: NamedCut): Generator<Buffer> {
  let at = 0;
  for (const length of lengths) {
    if (at >= bytes.length) return;
    yield Buffer.from(bytes.subarray(at, at + length));
    at += length;
  }
  if (at < bytes.length) yield Buffer.from(bytes.subarray(at));
}

const ones = (count: number): number[] => new Array<number>(count).fill(1);

/** Now and then an empty one. */
function lengthsUpTo(max: number, total: number, random: Dice): number[] {
  const lengths: number[] = [];
  for (let sum = 0; sum < total;) {
    const length = random.chance(3) ? 0 : random.between(1, max + 1);
    lengths.push(length);
    sum += length;
  }
  return lengths;
}

function nearEdges(pieces: readonly Buffer[], random: Dice): number[] {
  let edge = 0;
  const places = pieces.map(({ length }) => (edge += length) + random.between(-9, 10));
  return betweenPlaces(places);
}

function insideHeaders(bytes: Buffer, random: Dice): number[] {
  const places: number[] = [];
  for (let at = bytes.indexOf(MAGIC); at !== -1; at = bytes.indexOf(MAGIC, at + 1)) {
    places.push(at + random.between(1, 9));
  }
  return betweenPlaces(places);
}

function betweenPlaces(places: readonly number[]): number[] {
  let before = 0;
  return places
    .toSorted((a, b) => a - b)
    .filter((place) => place > 0)
    .map((place) => {
      const length = place - before;
      before = place;
      return length;
    });
}
