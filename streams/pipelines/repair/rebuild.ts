/**
 * A joining process, whose disk is new, takes in all sectors of the other processes before it votes
 * (docs/adr/0013-membership.md). It does so page by page: it asks for lists of so many members that together they know
 * of every acknowledged write, and fetches the newest value of each listed sector.
 *
 * The position is kept in a note, so that a process that is killed goes on where it was.
 */
import type { Observable } from 'rxjs';
import {
  concatMap,
  defer,
  endWith,
  expand,
  EMPTY,
  finalize,
  from,
  ignoreElements,
  last,
  map,
  merge,
  mergeMap,
  of,
  retry,
  take,
  tap,
  timeout,
  timer,
  toArray,
} from 'rxjs';
import { rebuildQuorum } from '../../../src/core/membership/heard.js';
import type { Rank } from '../../../src/core/rank.js';
import type { SectorIndex } from '../../../src/core/sector.js';
import { compareStamps } from '../../../src/core/stamp.js';
import type { Listed } from '../../../src/wire/listMessages.js';
import { retryWithoutRoom } from '../../retryWithoutRoom.js';
import type { Page } from './pages.js';
import { mergeLists, takeSector } from './pages.js';
import type { RepairOptions } from './repairOptions.js';
import { lanesOf } from './repairOptions.js';
import { jsonNote, readNote } from '../notes.js';

export const NOTE_REBUILD = 'rebuild';
/** Milliseconds until a page is begun again because a member did not answer, or there was no room. */
export const AGAIN_MS = 500;
/** The largest number of sectors that are fetched at the same time. */
const FETCHES_MAX = 64;

export interface Cursor {
  readonly disk: string;
  readonly from: SectorIndex;
  readonly taken: number;
}

export const CURSOR = jsonNote<Cursor>(
  'the position of a rebuild',
  (cursor) => ({ ...cursor }),
  ({ disk, from: begin, taken }) =>
    typeof disk === 'string' && isCount(begin) && isCount(taken) ? { disk, from: begin, taken } : undefined,
);

/** Calls `rebuilt` and completes when all sectors are here. Emits nothing. */
export function rebuild(options: RepairOptions): Observable<never> {
  const { membership, state, rebuilt, clock } = options;
  const progress = state.repair.rebuild;
  return defer(() => {
    const cursor = readCursor(options);
    progress.cursor = cursor.from;
    progress.takenCount = cursor.taken;
    const page$ = (start: SectorIndex): Observable<Page> =>
      defer(() => takeIn(start, options)).pipe(retry({ delay: () => timer(AGAIN_MS, clock) }));
    return untilNumbered(options).pipe(
      concatMap(() => page$(cursor.from)),
      expand(({ next }) => (next === null ? EMPTY : page$(next))),
      last(),
      tap(() => {
        if (membership.memberState === 'joining') rebuilt();
      }),
      ignoreElements(),
    );
  });
}

/** Emits once this incarnation has a number: nothing is taken in before. */
export function untilNumbered({ membership, clock }: Pick<RepairOptions, 'membership' | 'clock'>): Observable<unknown> {
  return timer(0, AGAIN_MS / 5, clock).pipe(
    mergeMap(() => (membership.current.own.incarnation > 0 ? of(true) : EMPTY)),
    take(1),
  );
}

/** Takes in the page that begins at `start`. Emits the page once all of it is here; fails if some of it is missing. */
function takeIn(start: SectorIndex, options: RepairOptions): Observable<Page> {
  const { state, store, notes, membership, clock } = options;
  const progress = state.repair.rebuild;
  return listFromQuorum(start, options).pipe(
    tap((lists) => {
      progress.totalCount = Math.max(...lists.map(({ listed }) => listed.written));
    }),
    map((lists) => mergeLists(start, lists)),
    concatMap((page) =>
      from(page.newest).pipe(
        mergeMap(
          (held) =>
            takeSector(held, options).pipe(
              finalize(() => {
                progress.takenCount += 1;
              }),
            ),
          Math.min(FETCHES_MAX, lanesOf(options)),
        ),
        ignoreElements(),
        endWith(page),
      ),
    ),
    concatMap((page) => {
      const isMissing = page.newest.some(
        ({ sector, stamp }) => compareStamps(store.stampOf(sector), stamp) < 0 || store.isDamaged(sector),
      );
      if (isMissing) throw new Error('a sector of the page is not here');
      progress.cursor = page.next ?? options.sectors;
      const cursor: Cursor = {
        disk: diskOf(membership.current.own.storage),
        from: progress.cursor,
        taken: progress.takenCount,
      };
      const changes = new Map([[NOTE_REBUILD, page.next === null ? null : CURSOR.write(cursor)]]);
      return notes.put(changes).pipe(retryWithoutRoom(clock), endWith(page));
    }),
  );
}

function listFromQuorum(
  start: SectorIndex,
  { self, processCount, exchange, state, membership, limits, clock }: RepairOptions,
): Observable<{ rank: Rank; listed: Listed }[]> {
  const quorum = rebuildQuorum(processCount);
  const { heard } = membership.current;
  const members = state.peers.filter(({ rank, isConnected }) => {
    const one = heard.get(rank);
    return isConnected && one?.kind === 'hello' && one.hello.memberState === 'member' && rank !== self;
  });
  state.repair.rebuild.isEnough = members.length >= quorum;
  return merge(...members.map(({ rank }) => exchange.list(rank, start).pipe(map((listed) => ({ rank, listed }))))).pipe(
    take(quorum),
    toArray(),
    timeout({ each: limits.answerMs, scheduler: clock }),
    map((lists) => {
      if (lists.length < quorum) throw new Error('too few members answer');
      return lists;
    }),
  );
}

export function readCursor({ notes, membership }: Pick<RepairOptions, 'notes' | 'membership'>): Cursor {
  const disk = diskOf(membership.current.own.storage);
  const cursor = readNote(notes, NOTE_REBUILD, CURSOR);
  // A cursor of an earlier join is not used: writes that were acknowledged since then may be missing below it.
  return cursor?.disk === disk ? cursor : { disk, from: 0, taken: 0 };
}

export function diskOf(storage: string): string {
  return Buffer.from(storage, 'latin1').toString('hex');
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
