/**
 * A joining process of the strict mode takes over, of all sectors, the version with the highest stamp and the highest
 * promise that so many members tell that each majority has one of them (docs/strict-register.md, E2). It is silent
 * meanwhile (E1), and a member when all is here (E3).
 *
 * ```
 * LIST to the members ─► each extent in which something is stored or promised:
 *   QUERY to the members ─► newest of each sector ─► QUERY with data, where this disk lacks it ─► put
 *                                              └──► promises above it: regions active, then promised
 * ```
 *
 * So it costs what is stored and promised, not what the disk could hold. Of an extent that no list names, so many
 * members have said that nothing is stored and nothing promised: there is nothing to take over.
 *
 * The position is kept in a note, so that a process that is killed goes on where it was. Promises are volatile, and a
 * start after a crash makes up for those below the position, because their regions are active by then (A4).
 */
import type { Observable } from 'rxjs';
import { EMPTY, catchError, concat, concatMap, defer, endWith, expand, from, ignoreElements } from 'rxjs';
import { last, map, merge, mergeMap, of, reduce, retry, take, tap, throwError, timer, toArray } from 'rxjs';
import { rebuildQuorum } from '../../../src/core/membership/heard.js';
import type { Rank } from '../../../src/core/rank.js';
import type { SectorIndex } from '../../../src/core/sector.js';
import { joinLists, type ListedPart } from '../../../src/core/strict/extentList.js';
import { newestIn, type NewestRun } from '../../../src/core/strict/newest.js';
import { endOf, extentStartOf, rangeOfExtent, regionOf, type SectorRange } from '../../../src/core/strict/range.js';
import type { StateRun } from '../../../src/core/strict/replicaMessage.js';
import type { StrictStamp } from '../../../src/core/strict/version.js';
import { compareStrictStamps } from '../../../src/core/strict/version.js';
import type { RangePut } from '../../../src/ports/strictStore.js';
import { retryWithoutRoom } from '../../retryWithoutRoom.js';
import type { PeerPort } from '../replica/peerPort.js';
import { askList, askState, ofPresentDisks, upPorts, type Told } from './askReplica.js';
import { AGAIN_MS, CURSOR, diskOf, NOTE_REBUILD, readCursor, untilNumbered } from './rebuild.js';
import { lanesOf, type StrictRepairOptions } from './repairOptions.js';

/** Calls `rebuilt` and completes when everything is here. Emits nothing. */
export function strictRebuild(options: StrictRepairOptions): Observable<never> {
  const { membership, state, strict, rebuilt, clock, sectors } = options;
  const progress = state.repair.rebuild;
  return defer(() => {
    const cursor = readCursor(options);
    progress.cursor = cursor.from;
    progress.takenCount = cursor.from;
    progress.totalCount = sectors;
    const part$ = (start: SectorIndex): Observable<SectorIndex | null> =>
      defer(() => takePart(start, options)).pipe(retry({ delay: () => timer(AGAIN_MS, clock) }));
    return concat(untilNumbered(options), untilQuiet(options)).pipe(
      last(),
      concatMap(() => part$(extentStartOf(cursor.from))),
      expand((next) => (next === null ? EMPTY : part$(next))),
      last(),
      // `limit` above all that is here, also if nothing was promised anywhere.
      concatMap(() => concat(strict.state.regionNotes.adopt([], strict.store.highestStamp.counter), of(null))),
      tap(() => {
        if (membership.memberState === 'joining') rebuilt();
      }),
      ignoreElements(),
    );
  });
}

/** Emits once no request that was begun as a member is under way. */
function untilQuiet({ strict, clock }: StrictRepairOptions): Observable<unknown> {
  return timer(0, AGAIN_MS / 5, clock).pipe(
    mergeMap(() => (strict.state.regions.inUse().length === 0 ? of(true) : EMPTY)),
    take(1),
  );
}

/** Takes over a part of the disk from `start` on. Emits the sector behind it, or null: it is the end of the disk. */
function takePart(start: SectorIndex, options: StrictRepairOptions): Observable<SectorIndex | null> {
  const { sectors, state, notes, membership, clock, strict } = options;
  const progress = state.repair.rebuild;
  return askLists(start, options).pipe(
    concatMap(({ next, extents }) =>
      from(extents).pipe(
        mergeMap(
          (extent) => takeExtent(rangeOfExtent(extent, sectors), options),
          Math.min(strict.limits.rebuild.lanes, lanesOf(options)),
        ),
        reduce((all, taken) => all + taken, 0),
        concatMap((taken) => {
          const end = next ?? sectors;
          progress.cursor = end;
          progress.takenCount = end;
          if (taken === 0 && next !== null) return of(next);
          const cursor = { disk: diskOf(membership.current.own.storage), from: end, taken: end };
          const changes = new Map([[NOTE_REBUILD, next === null ? null : CURSOR.write(cursor)]]);
          return notes.put(changes).pipe(retryWithoutRoom(clock), endWith(next));
        }),
      ),
    ),
  );
}

/** The extents of a part of the disk of which not all members of a quorum say that nothing is there. */
function askLists(start: SectorIndex, options: StrictRepairOptions): Observable<ListedPart> {
  // That of another size is being grown: it cannot speak of all sectors.
  const ports = upPorts(options).filter((port) => port.sectors >= options.sectors);
  return askQuorum(ports, (port) => askList(port, start, options), options).pipe(
    map((lists) => joinLists(lists, options.sectors)),
  );
}

/** Emits how many sectors or promises were taken over, when they are durable. Fails if something is missing. */
function takeExtent(range: SectorRange, options: StrictRepairOptions): Observable<number> {
  return askQuorum(upPorts(options), (port) => askState(port, range, false, options), options).pipe(
    map((told) => newestIn(range, told)),
    concatMap((newest) =>
      concat(
        takeVersions(newest, options),
        defer(() => takePromises(newest, options)),
      ).pipe(reduce((all, taken) => all + taken, 0)),
    ),
  );
}

/** Emits the answers of so many members that each majority has one of them. Fails if too few answer. */
function askQuorum<T extends Told>(
  ports: readonly PeerPort[],
  question: (port: PeerPort) => Observable<T>,
  options: StrictRepairOptions,
): Observable<readonly T[]> {
  const quorum = rebuildQuorum(options.processCount);
  options.state.repair.rebuild.isEnough = ports.length >= quorum;
  return merge(...ports.map((port) => question(port).pipe(catchError(() => EMPTY)))).pipe(
    take(quorum),
    toArray(),
    map((told) => {
      const counted = ofPresentDisks(told, options);
      if (counted.length < quorum) throw new Error('too few members answer');
      return counted;
    }),
  );
}

/** Emits how many sectors were taken over. */
function takeVersions(newest: readonly NewestRun[], options: StrictRepairOptions): Observable<number> {
  const { store } = options.strict;
  const lacking = newest.flatMap(({ range, version, holders }) =>
    rangesWhere(range, (sector) => isLacking(sector, version.stamp, options)).map((part) => ({ part, holders })),
  );
  if (lacking.length === 0) return EMPTY;
  return from(lacking).pipe(
    concatMap(({ part, holders }) => fetch(part, holders, options)),
    toArray(),
    concatMap((fetched) => {
      const puts = fetched.flat();
      return store.putRanges(puts).pipe(
        map((outcome) => {
          if (outcome === 'full') throw new Error('the disk has no room');
          return puts.reduce((all, { range: { count } }) => all + count, 0);
        }),
      );
    }),
  );
}

function isLacking(sector: SectorIndex, stamp: StrictStamp, { strict: { store } }: StrictRepairOptions): boolean {
  const order = compareStrictStamps(stamp, store.versionOf(sector).stamp);
  return order > 0 || (order === 0 && store.isDamaged(sector));
}

/** Emits the versions of the range, with data, of one of the holders. Fails if none of them has it undamaged. */
function fetch(range: SectorRange, holders: readonly Rank[], options: StrictRepairOptions): Observable<RangePut[]> {
  const [holder, ...others] = holders;
  const port = upPorts(options).find(({ rank }) => rank === holder);
  const next$ = defer(() =>
    others.length > 0 ? fetch(range, others, options) : throwError(() => new Error('nobody has the sectors')),
  );
  if (port === undefined) return next$;
  return askState(port, range, true, options).pipe(
    map(({ runs }) => putsOf(range, runs)),
    catchError(() => next$),
  );
}

/** @throws if the data of a run are not there. */
function putsOf({ first }: SectorRange, runs: readonly StateRun[]): RangePut[] {
  let at = first;
  return runs.map(({ count, version, data }): RangePut => {
    if (data === null || data === 'damaged') throw new Error('a copy is damaged');
    const put = { range: { first: at, count }, ...version, data };
    at += count;
    return put;
  });
}

/** Emits how many ranges got a promise. The disk has the versions by now. */
function takePromises(newest: readonly NewestRun[], { strict }: StrictRepairOptions): Observable<number> {
  const { store, state } = strict;
  const { promises, regionNotes } = state;
  const open = newest.flatMap(({ range, promised }) =>
    rangesWhere(range, (sector) => {
      const known = promises.promisedOf(sector, store.versionOf(sector).stamp);
      return compareStrictStamps(promised, known) > 0;
    }).map((part) => ({ part, promised })),
  );
  if (open.length === 0) return EMPTY;
  const counters = open.map(({ promised }) => promised.counter);
  const highest = counters.reduce((most, counter) => (counter > most ? counter : most));
  return concat(
    regionNotes.adopt([regionOf(open[0].part.first)], highest),
    defer(() => {
      for (const { part, promised } of open) promises.promise(part, promised);
      return of(open.length);
    }),
  );
}

/** The parts of the range in which all sectors are so. */
function rangesWhere(range: SectorRange, isSo: (sector: SectorIndex) => boolean): SectorRange[] {
  const found: SectorRange[] = [];
  for (let at = range.first; at < endOf(range); at += 1) {
    if (!isSo(at)) continue;
    const first = at;
    while (at + 1 < endOf(range) && isSo(at + 1)) at += 1;
    found.push({ first, count: at + 1 - first });
  }
  return found;
}
