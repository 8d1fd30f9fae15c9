/** Runs of consecutive sectors, and the data of ranges cut and joined. Pure. */
import { assert } from '../assert.js';
import { SECTOR_SIZE_BYTES } from '../sector.js';
import type { RangeData } from './replicaMessage.js';

/** Something that holds for `count` consecutive sectors. */
export interface Run {
  readonly count: number;
}

/** @returns the data of `count` sectors from the `from`th on. Shares the bytes. */
export function sliceOfData(data: RangeData, from: number, count: number): RangeData {
  if (data === 'zeros') return data;
  if (from === 0 && data.length === count * SECTOR_SIZE_BYTES) return data;
  return data.subarray(from * SECTOR_SIZE_BYTES, (from + count) * SECTOR_SIZE_BYTES);
}

/** A piece of data and for how many sectors it is. */
export interface DataPiece extends Run {
  readonly data: RangeData;
}

/** @returns the pieces one behind the other; the piece itself if it is the only one. */
export function joinData(pieces: readonly DataPiece[]): RangeData {
  if (pieces.length === 1) return pieces[0].data;
  if (pieces.every(({ data }) => data === 'zeros')) return 'zeros';
  const count = pieces.reduce((sum, piece) => sum + piece.count, 0);
  const joined = new Uint8Array(count * SECTOR_SIZE_BYTES);
  let at = 0;
  for (const piece of pieces) {
    if (piece.data !== 'zeros') joined.set(piece.data, at * SECTOR_SIZE_BYTES);
    at += piece.count;
  }
  return joined;
}

/** The piece of `run` that begins at its `from`th sector. */
function pieceOf<R extends Run & { readonly data?: RangeData | 'damaged' | null }>(
  run: R,
  from: number,
  count: number,
): R {
  if (from === 0 && count === run.count) return run;
  const { data } = run;
  if (data === undefined || data === null || typeof data === 'string') return { ...run, count };
  return { ...run, count, data: sliceOfData(data, from, count) };
}

/** @returns the runs of `count` sectors from the `from`th on, with their data cut. */
export function clipRuns<R extends Run & { readonly data?: RangeData | 'damaged' | null }>(
  runs: readonly R[],
  from: number,
  count: number,
): readonly R[] {
  if (from === 0 && runs.length === 1 && runs[0].count === count) return runs;
  const clipped: R[] = [];
  const end = from + count;
  let at = 0;
  for (const run of runs) {
    const start = Math.max(at, from);
    const left = Math.min(at + run.count, end) - start;
    if (left > 0) clipped.push(pieceOf(run, start - at, left));
    at += run.count;
    if (at >= end) break;
  }
  assert(at >= end, `runs of ${at} sectors were to have ${end}`);
  return clipped;
}

/**
 * Cuts lists of runs, each of which covers the same `count` sectors, where any of them changes.
 * `visit` gets the place and the length of each segment, and for each list its run of the segment, cut.
 */
export function eachSegment<R extends Run & { readonly data?: RangeData | 'damaged' | null }>(
  lists: readonly (readonly R[])[],
  count: number,
  visit: (from: number, count: number, runs: readonly R[]) => void,
): void {
  const indices = lists.map(() => 0);
  const starts = lists.map(() => 0);
  for (let at = 0; at < count;) {
    let end = count;
    for (const [place, list] of lists.entries()) {
      const run = list[indices[place]];
      end = Math.min(end, starts[place] + run.count);
    }
    const from = at;
    const runs = lists.map((list, place) => pieceOf(list[indices[place]], from - starts[place], end - from));
    visit(from, end - from, runs);
    for (const [place, list] of lists.entries()) {
      const run = list[indices[place]];
      if (starts[place] + run.count > end) continue;
      starts[place] += run.count;
      indices[place] += 1;
    }
    at = end;
  }
}
