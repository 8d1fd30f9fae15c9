/** What a number of copies of a sector amount to: which version counts, who holds it, and who has its data. */
import type { Rank } from '../rank.js';
import type { Answers, CopyState } from './coordination.js';
import type { RangeData } from './replicaMessage.js';
import { eachSegment, type DataPiece } from './runs.js';
import { compareStrictStamps, type StrictStamp, type Version } from './version.js';

/** What is to be done with a segment. Segments with the same key have the same thing done with them. */
export interface Verdict {
  readonly key: string;
  readonly data: RangeData | null;
}

/** Neighbours with one verdict. */
export interface Group<V extends Verdict> {
  /** Counted from the first sector of the part. */
  readonly from: number;
  readonly count: number;
  /** Of its first segment. */
  readonly verdict: V;
  /** The data of all its segments; empty if the verdict has none. */
  readonly pieces: DataPiece[];
}

/** Judges a part segment by segment, where a segment is as long as no answer changes. */
export function groupsOf<V extends Verdict>(
  answers: Answers,
  count: number,
  judge: (copies: readonly CopyState[], ranks: readonly Rank[]) => V,
): Group<V>[] {
  const ranks = [...answers.keys()];
  const groups: { from: number; count: number; verdict: V; pieces: DataPiece[] }[] = [];
  const lists = [...answers.values()].map(({ runs }) => runs);
  eachSegment(lists, count, (from, length, copies) => {
    const verdict = judge(copies, ranks);
    let group = groups.at(-1);
    if (group?.verdict.key === verdict.key) group.count += length;
    else {
      group = { from, count: length, verdict, pieces: [] };
      groups.push(group);
    }
    if (verdict.data !== null) group.pieces.push({ count: length, data: verdict.data });
  });
  return groups;
}

/** A damaged copy has a stamp, but must not be counted as held. */
export function isSound({ data }: CopyState): boolean {
  return data !== 'damaged';
}

export function holds(copy: CopyState, stamp: StrictStamp): boolean {
  return isSound(copy) && compareStrictStamps(copy.version.stamp, stamp) === 0;
}

/** The ranks that hold the version with that stamp. */
export function holdersOf(copies: readonly CopyState[], ranks: readonly Rank[], stamp: StrictStamp): Rank[] {
  return ranks.filter((_, index) => holds(copies[index], stamp));
}

/** How many have promised nothing above the stamp. */
export function calmCount(copies: readonly CopyState[], stamp: StrictStamp): number {
  let count = 0;
  for (const { promised } of copies) if (compareStrictStamps(promised, stamp) <= 0) count += 1;
  return count;
}

/** The data of the version with that stamp; null: nobody has sent it. */
export function dataAt(copies: readonly CopyState[], stamp: StrictStamp): RangeData | null {
  for (const copy of copies) {
    if (copy.data !== null && copy.data !== 'damaged' && holds(copy, stamp)) return copy.data;
  }
  return null;
}

/**
 * m: the version with the highest stamp among the copies of a majority. Where only damaged copies have the highest,
 * they are taken for silent, and m is the highest among the others if these are a majority.
 * @returns null: more answers are needed.
 */
export function newestOf(copies: readonly CopyState[], majority: number): Version | null {
  let newest: Version | null = null;
  let soundCount = 0;
  for (const copy of copies) {
    if (!isSound(copy)) continue;
    soundCount += 1;
    if (newest === null || compareStrictStamps(copy.version.stamp, newest.stamp) > 0) newest = copy.version;
  }
  if (newest === null || soundCount >= majority) return newest;
  const { stamp } = newest;
  return copies.every(({ version }) => compareStrictStamps(version.stamp, stamp) <= 0) ? newest : null;
}

/** For keys. The versions of a range may have one stamp and several origins, because a settle keeps these. */
export function keyOf(kind: string, { stamp, origin }: Version, ranks: readonly Rank[]): string {
  const parts = [stamp, origin].map(({ counter, coordinator }) => `${counter} ${coordinator}`);
  return `${kind} ${parts.join(' ')} ${ranks.join(',')}`;
}
