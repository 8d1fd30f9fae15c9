/**
 * Walks over all written sectors: reads each from the own disk, so that what has rotted is found before somebody needs
 * it, and compares stamps with the other members, so that what one of them has missed is found even if nobody remembers
 * that. It mends what it can, and hands the rest on.
 *
 * On its own accord it goes slowly, and where it was is noted; asked for, it goes as fast as the clients leave room
 * for.
 */
import type { Observable } from 'rxjs';
import {
  catchError,
  concatMap,
  defer,
  EMPTY,
  endWith,
  expand,
  filter,
  from,
  ignoreElements,
  interval,
  last,
  map,
  merge,
  mergeMap,
  repeat,
  take,
  tap,
  timeout,
  timer,
  toArray,
} from 'rxjs';
import type { StampEntry } from '../../../src/core/membership/memberMessage.js';
import type { Rank } from '../../../src/core/rank.js';
import type { SectorIndex } from '../../../src/core/sector.js';
import { STAMP_INITIAL, compareStamps } from '../../../src/core/stamp.js';
import { NoSpace } from '../../../src/ports/blockFiles.js';
import type { Listed } from './exchange.js';
import { retryWithoutRoom } from '../../retryWithoutRoom.js';
import type { Held } from './pages.js';
import { mergeLists, takeSector } from './pages.js';
import type { RepairOptions } from './repairOptions.js';
import { lanesOf } from './repairOptions.js';
import { noteDamaged } from './repairProgress.js';
import { numberNote, readNote } from '../notes.js';

const NOTE = 'scrub';
/** Where the next page begins. */
const POSITION = numberNote('a sector', 0, Number.MAX_SAFE_INTEGER);
/** How often it is looked whether a scrub was asked for. */
const LOOK_MS = 100;
const PAGE_SECTORS = 64;

/** Scrubs for ever; emits nothing. */
export function scrub(options: RepairOptions): Observable<never> {
  return defer(() => {
    options.state.repair.scrub.cursor = readNote(options.notes, NOTE, POSITION) ?? 0;
    return untilDue(options).pipe(
      concatMap(() => pass(options)),
      repeat(),
      ignoreElements(),
    );
  });
}

/** Emits once when a scrub is asked for, or it is time for one. */
function untilDue({ limits, clock, state }: RepairOptions): Observable<unknown> {
  const wanted$ = interval(LOOK_MS, clock).pipe(filter(() => state.repair.scrub.isWanted));
  const isOn = limits.scrubSectorsPerSecond > 0;
  return merge(wanted$, isOn ? timer(limits.scrubPauseMs, clock) : EMPTY).pipe(take(1));
}

/** Once over the disk, from where the last one was cut short. */
function pass(options: RepairOptions): Observable<unknown> {
  const record = options.state.repair.scrub;
  return defer(() => {
    record.isRunning = true;
    const counts = { verifiedCount: 0, damagedCount: 0, behindCount: 0, aheadCount: 0 };
    Object.assign(record, counts, { comparedRanks: [] });
    record.isFast = record.isWanted;
    if (record.isWanted) record.cursor = 0;
    record.isWanted = false;
    return onePage(record.cursor, options).pipe(
      expand((next) => {
        // One that is asked for begins at the beginning.
        if (next === null || record.isWanted) return EMPTY;
        record.cursor = next;
        return merge(savePosition(POSITION.write(next), options), onePage(next, options));
      }),
      last(),
      tap(() => {
        record.isRunning = false;
        if (record.isWanted) return;
        record.cursor = 0;
        record.passCount += 1;
        // What did not fit on record was found by comparing.
        for (const rank of record.comparedRanks) {
          const peer = options.state.missed.peers.get(rank);
          if (peer !== undefined && peer.missed.count === 0) peer.missed.hasOverflowed = false;
        }
      }),
      concatMap(() => savePosition(null, options)),
    );
  });
}

/** Where a scrub is. Without room for it, the next one begins earlier than it might. */
function savePosition(position: Uint8Array | null, { notes }: RepairOptions): Observable<never> {
  return notes.put(new Map([[NOTE, position]])).pipe(
    catchError((error: unknown) => {
      if (error instanceof NoSpace) return EMPTY;
      throw error;
    }),
  );
}

/** Emits where the next page begins; null: there is none. */
function onePage(start: SectorIndex, options: RepairOptions): Observable<SectorIndex | null> {
  const { self, store, clock } = options;
  return store.list(start, PAGE_SECTORS + 1).pipe(
    retryWithoutRoom(clock),
    concatMap((entries) => {
      const next = entries.length > PAGE_SECTORS ? entries[PAGE_SECTORS].sector : null;
      const own: Listed = {
        kind: 'listed',
        id: '',
        from: start,
        next,
        entries: entries.slice(0, PAGE_SECTORS),
        written: 0,
      };
      return listsOfPeers(start, options).pipe(map((lists) => [{ rank: self, listed: own }, ...lists]));
    }),
    concatMap((lists) => {
      const page = mergeLists(start, lists);
      return from(page.newest).pipe(
        mergeMap((held) => mend(held, lists, options), lanesOf(options)),
        ignoreElements(),
        (done$) => pacedBy(page.newest.length, options, done$),
        endWith(page.next),
      );
    }),
  );
}

/** Not faster than it may: a page takes as long as its sectors are allowed to. */
function pacedBy(count: number, { limits, clock, state }: RepairOptions, done$: Observable<never>): Observable<never> {
  if (state.repair.scrub.isFast || limits.scrubSectorsPerSecond === 0) return done$;
  const leastMs = (1_000 * count) / limits.scrubSectorsPerSecond;
  return merge(done$, timer(leastMs, clock).pipe(ignoreElements()));
}

function listsOfPeers(
  start: SectorIndex,
  { exchange, state, membership, limits, clock }: RepairOptions,
): Observable<{ rank: Rank; listed: Listed }[]> {
  const { heard } = membership.current;
  const members = state.peers.filter(({ rank, isConnected }) => {
    const one = heard.get(rank);
    return isConnected && one?.kind === 'hello' && one.hello.memberState === 'member';
  });
  return merge(
    ...members.map(({ rank }) =>
      exchange.list(rank, start).pipe(
        map((listed) => ({ rank, listed })),
        timeout({ each: limits.answerMs, scheduler: clock, with: () => EMPTY }),
      ),
    ),
  ).pipe(
    tap(({ rank }) => {
      const { comparedRanks } = state.repair.scrub;
      if (!comparedRanks.includes(rank)) comparedRanks.push(rank);
    }),
    toArray(),
  );
}

/** One sector of which `held` is the newest value that anybody listed. */
function mend(
  held: Held,
  lists: readonly { readonly rank: Rank; readonly listed: Listed }[],
  options: RepairOptions,
): Observable<unknown> {
  const { self, exchange, state, store } = options;
  const { sector } = held;
  const record = state.repair.scrub;
  return defer(() => {
    if (compareStamps(store.stampOf(sector), held.stamp) < 0) {
      record.behindCount += 1;
      return takeSector(held, options);
    }
    for (const { rank, listed } of lists) {
      if (rank === self) continue;
      if (compareStamps(stampIn(listed.entries, sector), store.stampOf(sector)) >= 0) continue;
      record.aheadCount += 1;
      state.missed.peers.get(rank)?.missed.add(sector);
    }
    return exchange.verify(sector).pipe(
      tap(() => {
        record.verifiedCount += 1;
        if (!store.isDamaged(sector)) return;
        record.damagedCount += 1;
        noteDamaged(state.repair, sector);
      }),
    );
  });
}

function stampIn(entries: readonly StampEntry[], sector: SectorIndex) {
  return entries.find((entry) => entry.sector === sector)?.stamp ?? STAMP_INITIAL;
}
