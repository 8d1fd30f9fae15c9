/** Pages of the disk: the lists of several processes merged, a part of the disk at a time. */
import type { Observable } from 'rxjs';
import { EMPTY, concatMap, defer, merge, take, timeout } from 'rxjs';
import type { StampEntry } from '../../../src/core/membership/memberMessage.js';
import type { Rank } from '../../../src/core/rank.js';
import type { SectorIndex } from '../../../src/core/sector.js';
import { compareStamps } from '../../../src/core/stamp.js';
import type { Listed } from '../../../src/wire/listMessages.js';
import type { RepairOptions } from './repairOptions.js';

/** The newest stamp of a sector, and the processes that hold it. A copy of one of them may turn out to be damaged. */
export interface Held extends StampEntry {
  readonly holders: readonly Rank[];
}

/** A part of the disk. It ends where the shortest of its lists ends. */
export interface Page {
  readonly from: SectorIndex;
  /** Where the next page begins; null: this one reaches to the end of the disk. */
  readonly next: SectorIndex | null;
  readonly newest: readonly Held[];
}

/** @returns the newest stamp of every listed sector, as far as all the lists reach. */
export function mergeLists(
  start: SectorIndex,
  lists: readonly { readonly rank: Rank; readonly listed: Listed }[],
): Page {
  const ends = lists.flatMap(({ listed }) => (listed.next === null ? [] : [listed.next]));
  const next = ends.length === 0 ? null : Math.min(...ends);
  const newest = new Map<SectorIndex, Held>();
  for (const { rank, listed } of lists) {
    for (const { sector, stamp } of listed.entries) {
      if (next !== null && sector >= next) continue;
      const known = newest.get(sector);
      const order = known === undefined ? 1 : compareStamps(stamp, known.stamp);
      if (order < 0) continue;
      const holders = known === undefined || order > 0 ? [rank] : [...known.holders, rank];
      newest.set(sector, { sector, stamp, holders });
    }
  }
  return { from: start, next, newest: [...newest.values()] };
}

/**
 * Takes in the value of a sector from the first holder that answers, unless it is here already. Completes when that is
 * done, or when no holder has answered for `answerMs`.
 */
export function takeSector(
  { sector, stamp, holders }: Held,
  { exchange, store, limits, clock }: RepairOptions,
): Observable<unknown> {
  return defer(() => {
    const isHere = compareStamps(store.stampOf(sector), stamp) >= 0 && !store.isDamaged(sector);
    if (isHere) return EMPTY;
    return merge(...holders.map((holder) => exchange.fetch(holder, sector))).pipe(
      take(1),
      concatMap((value) => exchange.adopt(sector, value.stamp, value.data)),
      timeout({ each: limits.answerMs, scheduler: clock, with: () => EMPTY }),
    );
  });
}
