/** The disk a page at a time: what the lists of several processes say together. */
import type { Observable } from 'rxjs';
import { concatMap, defer, of, timeout } from 'rxjs';
import type { StampEntry } from '../../src/core/membership/memberMessage.js';
import type { Rank } from '../../src/core/rank.js';
import type { SectorIndex } from '../../src/core/sector.js';
import { compareStamps } from '../../src/core/stamp.js';
import type { Listed } from './exchange.js';
import type { RepairOptions } from './repairOptions.js';

/** Where the newest value of a sector is. */
export interface Held extends StampEntry {
  readonly holder: Rank;
}

/** A part of the disk, as far as all the lists of it reach. */
export interface Page {
  readonly from: SectorIndex;
  /** null: to the end of the disk. */
  readonly next: SectorIndex | null;
  readonly newest: readonly Held[];
}

/** What is newest of every sector, as far as all the lists reach. */
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
      if (known !== undefined && compareStamps(known.stamp, stamp) >= 0) continue;
      newest.set(sector, { sector, stamp, holder: rank });
    }
  }
  return { from: start, next, newest: [...newest.values()] };
}

/** Takes in what that member has of a sector, unless it is here already. Emits and completes. */
export function takeSector(
  { sector, stamp, holder }: Held,
  { exchange, store, limits, clock }: RepairOptions,
): Observable<unknown> {
  return defer(() => {
    const isHere = compareStamps(store.stampOf(sector), stamp) >= 0 && !store.isDamaged(sector);
    if (isHere) return of(null);
    return exchange.fetch(holder, sector).pipe(
      concatMap((value) => exchange.adopt(sector, value.stamp, value.data)),
      timeout({ each: limits.answerMs, scheduler: clock, with: () => of(null) }),
    );
  });
}
