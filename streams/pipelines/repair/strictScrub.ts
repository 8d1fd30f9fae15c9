/**
 * One page of a scrub in the strict mode: reads and verifies the own copies of some extents, compares their versions
 * with those of the other members, and has what is damaged or differs healed (docs/strict-register.md, "Lists").
 *
 * ```
 * LIST to the members ─► each extent that is written here: read
 *                    └─► each extent whose digests differ: QUERY to the members ─► differs for a while: healed
 * ```
 */
import type { Observable } from 'rxjs';
import { EMPTY, catchError, concat, concatMap, defer, endWith, from, ignoreElements, map, merge } from 'rxjs';
import { takeUntil, tap, timer, toArray } from 'rxjs';
import type { SectorIndex } from '../../../src/core/sector.js';
import { compareLists, type ComparedPart } from '../../../src/core/strict/extentList.js';
import {
  EXTENT_SECTORS,
  endOf,
  extentStartOf,
  rangeOfExtent,
  type SectorRange,
} from '../../../src/core/strict/range.js';
import { STRICT_STAMP_INITIAL, compareStrictStamps } from '../../../src/core/strict/version.js';
import { AtomicDiskError } from '../../../src/errors.js';
import { askList, askState, ofPresentDisks, upPorts, type ToldState } from './askReplica.js';
import type { StrictRepairOptions } from './repairOptions.js';
import { pacedBy } from './scrub.js';

/** How a copy here differs from those of others: for each of them, whether theirs is newer. */
interface Difference {
  readonly stamp: string;
  behind: number;
  ahead: number;
}

/** Emits the sector at which the next page begins; null: there is none. */
export function strictScrubPage(start: SectorIndex, options: StrictRepairOptions): Observable<SectorIndex | null> {
  const progress = options.state.repair.scrub;
  return compareListed(extentStartOf(start), options).pipe(
    concatMap(({ next, extents, differing }) =>
      from(extents).pipe(
        concatMap((extent) => {
          // A scrub that is asked for meanwhile begins at the first sector.
          if (progress.isWanted) return EMPTY;
          progress.cursor = extent * EXTENT_SECTORS;
          return scrubExtent(rangeOfExtent(extent, options.sectors), differing.has(extent), options);
        }),
        endWith(next),
      ),
    ),
  );
}

/** What this process has listed, and in what the lists of the others differ, as far as all of them reach. */
function compareListed(start: SectorIndex, options: StrictRepairOptions): Observable<ComparedPart> {
  const { sectors, state, strict } = options;
  const { comparedRanks } = state.repair.scrub;
  const ports = upPorts(options).filter((port) => port.sectors > start);
  return merge(...ports.map((port) => askList(port, start, options).pipe(catchError(() => EMPTY)))).pipe(
    toArray(),
    map((told) => {
      const counted = ofPresentDisks(told, options);
      if (counted.length < options.processCount - 1) state.repair.scrub.isWhole = false;
      for (const { rank } of counted) if (!comparedRanks.includes(rank)) comparedRanks.push(rank);
      return compareLists(strict.state.list(start), counted, sectors);
    }),
  );
}

/** @param differs Whether a digest of another one differs: most are alike. */
function scrubExtent(range: SectorRange, differs: boolean, options: StrictRepairOptions): Observable<never> {
  return defer(() => {
    const written = options.state.repair.scrub.comparesOnly ? 0 : writtenIn(range, options);
    const work$ = concat(
      written === 0 ? EMPTY : verify(range, written, options),
      differs ? compare(range, options) : EMPTY,
    );
    return pacedBy(written, options, work$);
  });
}

function writtenIn(range: SectorRange, { strict: { store } }: StrictRepairOptions): number {
  let written = 0;
  for (let sector = range.first; sector < endOf(range); sector += 1) {
    if (compareStrictStamps(store.versionOf(sector).stamp, STRICT_STAMP_INITIAL) > 0) written += 1;
  }
  return written;
}

/** Reads the own copies, and has damaged ones healed. */
function verify(range: SectorRange, written: number, options: StrictRepairOptions): Observable<never> {
  const { strict, state } = options;
  const progress = state.repair.scrub;
  return strict.store.loadRange(range).pipe(
    map((copies) => {
      let at = range.first;
      const damaged: SectorRange[] = [];
      for (const { count, data } of copies) {
        if (data === 'damaged') damaged.push({ first: at, count });
        at += count;
      }
      progress.verifiedCount += written;
      for (const { count } of damaged) progress.damagedCount += count;
      return damaged;
    }),
    concatMap((damaged) => healAll(damaged, options)),
  );
}

/** Compares the versions of all that can be asked, and has those healed that differ for a while. */
function compare(range: SectorRange, options: StrictRepairOptions): Observable<never> {
  const progress = options.state.repair.scrub;
  return differencesIn(range, options).pipe(
    concatMap((early) =>
      early.size === 0
        ? EMPTY
        : timer(options.strict.limits.compareAgainMs, options.clock).pipe(
            concatMap(() => differencesIn(range, options)),
            map((late) => [...late].filter(([sector, { stamp }]) => early.get(sector)?.stamp === stamp)),
          ),
    ),
    concatMap((lasting) => {
      for (const [, { behind, ahead }] of lasting) {
        if (behind > 0) progress.behindCount += 1;
        progress.aheadCount += ahead;
      }
      return healAll(rangesOfSectors(lasting.map(([sector]) => sector)), options);
    }),
  );
}

function differencesIn(
  range: SectorRange,
  options: StrictRepairOptions,
): Observable<ReadonlyMap<SectorIndex, Difference>> {
  const told$ = merge(
    ...upPorts(options).map((port) => {
      // A disk that is being grown is compared as far as it goes.
      const count = Math.min(range.count, port.sectors - range.first);
      return count < 1 ? EMPTY : askState(port, { ...range, count }, false, options).pipe(catchError(() => EMPTY));
    }),
  );
  return told$.pipe(
    toArray(),
    map((told) => {
      const differences = new Map<SectorIndex, Difference>();
      for (const one of ofPresentDisks(told, options)) addDifferences(range, one, differences, options);
      return differences;
    }),
  );
}

function addDifferences(
  range: SectorRange,
  { runs }: ToldState,
  differences: Map<SectorIndex, Difference>,
  { strict: { store } }: StrictRepairOptions,
): void {
  let end = range.first;
  for (const { count, version } of runs) {
    const first = end;
    end += count;
    for (let sector = first; sector < end; sector += 1) {
      const { stamp } = store.versionOf(sector);
      const order = compareStrictStamps(stamp, version.stamp);
      if (order === 0) continue;
      const name = `${String(stamp.counter)} ${stamp.coordinator}`;
      const found = differences.get(sector) ?? { stamp: name, behind: 0, ahead: 0 };
      if (order < 0) found.behind += 1;
      else found.ahead += 1;
      differences.set(sector, found);
    }
  }
}

/** @param sectors Of one extent. */
function rangesOfSectors(sectors: readonly SectorIndex[]): SectorRange[] {
  const ranges: SectorRange[] = [];
  for (const sector of [...sectors].sort((a, b) => a - b)) {
    const before = ranges.at(-1);
    if (before !== undefined && endOf(before) === sector) {
      ranges[ranges.length - 1] = { first: before.first, count: before.count + 1 };
    } else ranges.push({ first: sector, count: 1 });
  }
  return ranges;
}

/** One after the other, because clients come first. What is not healed in time is left for the next scrub. */
function healAll(ranges: readonly SectorRange[], { strict, clock, state }: StrictRepairOptions): Observable<never> {
  const progress = state.repair.scrub;
  return from(ranges).pipe(
    concatMap((range) => {
      let left = range.count;
      const healed$ = strict.coordinator.heal(range).pipe(
        tap(({ range: { count }, lacking }) => {
          strict.healed(count);
          left -= count;
          if (lacking.length > 0) progress.isWhole = false;
        }),
        ignoreElements(),
        catchError((error: unknown) => {
          // The coordinator is being closed.
          if (error instanceof AtomicDiskError) return EMPTY;
          throw error;
        }),
        takeUntil(timer(strict.limits.heal.rangeMs, clock)),
      );
      const ended$ = defer(() => {
        if (left > 0) progress.isWhole = false;
        return EMPTY;
      });
      return concat(healed$, ended$);
    }),
  );
}
