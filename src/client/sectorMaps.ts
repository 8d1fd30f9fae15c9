/**
 * Asks processes which sectors are zeros, and joins the answers of a majority; no data is read. Foreign processes,
 * older ones and those with workers do not answer. Without a majority nothing is known, and the caller reads the
 * sectors.
 */
import type { SchedulerLike } from 'rxjs';
import { Observable, defaultIfEmpty, defer, filter, map, merge, of, take, timeout } from 'rxjs';
import type { SectorIndex } from '../core/sector.js';
import type { SectorMap, SectorRun } from '../core/sectorMap.js';
import { isMajorityOf, joinMaps } from '../core/sectorMap.js';
import { decodeSectorMap } from '../wire/sectorMapPage.js';
import { MAP_MS } from './clientDefaults.js';
import type { Link } from './link.js';

export interface MapOptions {
  /** Links to processes that answer MAP, at most one for each. */
  readonly links: readonly Link[];
  readonly from: SectorIndex;
  readonly end: SectorIndex;
  /**
   * Sectors on which this client has operations, including abandoned ones. These may take effect later, and a read
   * would wait for that.
   */
  readonly inUse: ReadonlySet<SectorIndex>;
  readonly clock: SchedulerLike;
  readonly nextRequestNumber: () => bigint;
}

/**
 * Emits runs of consecutive sectors from `from` on, and completes. No runs: nothing is known. Never fails.
 *
 * ```
 * process 1  ?--!
 * process 2  ?------!
 * process 3  ?-------------     slow, or not there
 * result     -------(r|)
 * ```
 * Bound: one question for each process, withdrawn at the end.
 */
export function askMaps(options: MapOptions): Observable<readonly SectorRun[]> {
  const { links, from, end, inUse, clock } = options;
  const nothing: readonly SectorRun[] = [];
  return defer(() => {
    const maps: SectorMap[] = [];
    return merge(...links.map((link) => askMap(link, options))).pipe(
      filter((answer) => {
        maps.push(answer);
        return isMajorityOf(maps);
      }),
      map(() => joinMaps(maps, from, end, inUse)),
      take(1),
      defaultIfEmpty(nothing),
      timeout({ first: MAP_MS, scheduler: clock, with: () => of(nothing) }),
    );
  });
}

/** Emits the map of that process and completes; completes without a value if there is none. */
function askMap(link: Link, { from, nextRequestNumber }: MapOptions): Observable<SectorMap> {
  return new Observable((subscriber) => {
    if (!link.isOpen) {
      subscriber.complete();
      return undefined;
    }
    return link.ask({
      inquiry: 'map',
      from,
      requestNumber: nextRequestNumber(),
      answered(_, data) {
        const answer = data === null ? null : decodeSectorMap(data);
        const isUsable = answer?.rank === link.rank && answer.from === from && answer.runs.length > 0;
        if (isUsable) subscriber.next(answer);
        subscriber.complete();
      },
      lost() {
        subscriber.complete();
      },
    });
  });
}
