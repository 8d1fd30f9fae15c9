/**
 * Goes over all written sectors. It reads each from the own disk, so that damage is found before the sector is needed.
 * It compares stamps with the other members, so that a missed value is found even if no process has it on record. It
 * takes in newer values, and puts damaged and missed sectors on record for the other repairs.
 *
 * An unasked scrub runs slowly. One that was asked for runs as fast as the operations of clients allow. Its position is
 * kept in a note.
 */
import type { Observable } from 'rxjs';
import {
  catchError,
  concat,
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
import type { Listed } from '../../../src/wire/listMessages.js';
import { retryWithoutRoom } from '../../retryWithoutRoom.js';
import type { Held } from './pages.js';
import { mergeLists, takeSector } from './pages.js';
import type { RepairOptions } from './repairOptions.js';
import { lanesOf } from './repairOptions.js';
import { noteDamaged } from './repairProgress.js';
import { numberNote, readNote } from '../notes.js';

const NOTE = 'scrub';
/** The sector at which the next page begins. */
const POSITION = numberNote('a sector', 0, Number.MAX_SAFE_INTEGER);
/** Milliseconds between two looks whether a scrub was asked for. */
const CHECK_MS = 100;
const PAGE_SECTORS = 64;

type ScrubOptions = Pick<RepairOptions, 'limits' | 'state' | 'notes' | 'clock'>;

/** Scrubs the page that begins there. Emits the sector at which the next page begins; null: there is none. */
export type ScrubPage = (start: SectorIndex) => Observable<SectorIndex | null>;

/** A pass that compares versions only, from the first sector on. */
export interface Comparison {
  /** Whether one is to begin now. */
  readonly isDue: () => boolean;
  /** It begins, or a scrub that was asked for, which compares as well. */
  readonly begins: () => void;
  /** It has ended, and all that is asked of it was done. */
  readonly done: () => Observable<never>;
}

const NO_COMPARISON: Comparison = { isDue: () => false, begins: () => undefined, done: () => EMPTY };

/** Scrubs for ever; emits nothing. */
export function scrub(options: ScrubOptions, page: ScrubPage, comparison = NO_COMPARISON): Observable<never> {
  return defer(() => {
    options.state.repair.scrub.cursor = readNote(options.notes, NOTE, POSITION) ?? 0;
    return untilDue(options, comparison).pipe(
      concatMap(() => pass(options, page, comparison)),
      repeat(),
      ignoreElements(),
    );
  });
}

/** Emits once: when a scrub is asked for, or when it is time for one. */
function untilDue({ limits, clock, state }: ScrubOptions, { isDue }: Comparison): Observable<unknown> {
  const wanted$ = interval(CHECK_MS, clock).pipe(filter(() => state.repair.scrub.isWanted || isDue()));
  const isOn = limits.scrubSectorsPerSecond > 0;
  return merge(wanted$, isOn ? timer(limits.scrubPauseMs, clock) : EMPTY).pipe(take(1));
}

/** Goes once over the disk, from the position of a pass that was cut short. */
function pass(options: ScrubOptions, page: ScrubPage, { isDue, begins, done }: Comparison): Observable<unknown> {
  const progress = options.state.repair.scrub;
  return defer(() => {
    progress.isRunning = true;
    const counts = { verifiedCount: 0, damagedCount: 0, behindCount: 0, aheadCount: 0 };
    Object.assign(progress, counts, { comparedRanks: [] });
    progress.comparesOnly = !progress.isWanted && isDue();
    progress.isFast = progress.isWanted || progress.comparesOnly;
    if (progress.isFast) {
      progress.cursor = 0;
      begins();
    }
    progress.isWanted = false;
    progress.isWhole = progress.isFast;
    // A scrub that is asked for meanwhile begins at the first sector, and so does a comparison that is due.
    const isOvertaken = (): boolean => progress.isWanted || (!progress.isFast && isDue());
    return page(progress.cursor).pipe(
      expand((next) => {
        if (next === null || isOvertaken()) return EMPTY;
        progress.cursor = next;
        return merge(savePosition(POSITION.write(next), options), page(next));
      }),
      last(),
      tap(() => {
        progress.isRunning = false;
        if (isOvertaken()) {
          progress.isWhole = false;
          return;
        }
        progress.cursor = 0;
        progress.passCount += 1;
        // The comparison has found the sectors that did not fit on record.
        for (const rank of progress.comparedRanks) {
          const peer = options.state.missed.peers.get(rank);
          if (peer !== undefined && peer.missed.count === 0) peer.missed.hasOverflowed = false;
        }
      }),
      concatMap(() => concat(progress.isWhole ? done() : EMPTY, savePosition(null, options))),
    );
  });
}

/** Saves the position of the scrub. Without room for it, the next scrub begins earlier than it could. */
function savePosition(position: Uint8Array | null, { notes }: ScrubOptions): Observable<never> {
  return notes.put(new Map([[NOTE, position]])).pipe(
    catchError((error: unknown) => {
      if (error instanceof NoSpace) return EMPTY;
      throw error;
    }),
  );
}

/** A page of the open mode: PAGE_SECTORS sectors that some process has written. */
export function scrubPage(start: SectorIndex, options: RepairOptions): Observable<SectorIndex | null> {
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

/** Lets a page of an unasked scrub take as long as `scrubSectorsPerSecond` asks for. */
export function pacedBy(
  count: number,
  { limits, clock, state }: ScrubOptions,
  done$: Observable<never>,
): Observable<never> {
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

/** Compares and reads one sector, of which `held` is the newest listed value. */
function mend(
  held: Held,
  lists: readonly { readonly rank: Rank; readonly listed: Listed }[],
  options: RepairOptions,
): Observable<unknown> {
  const { self, exchange, state, store } = options;
  const { sector } = held;
  const progress = state.repair.scrub;
  return defer(() => {
    if (compareStamps(store.stampOf(sector), held.stamp) < 0) {
      progress.behindCount += 1;
      return takeSector(held, options);
    }
    for (const { rank, listed } of lists) {
      if (rank === self) continue;
      if (compareStamps(stampIn(listed.entries, sector), store.stampOf(sector)) >= 0) continue;
      progress.aheadCount += 1;
      state.missed.peers.get(rank)?.missed.add(sector);
    }
    return exchange.verify(sector).pipe(
      tap(() => {
        progress.verifiedCount += 1;
        if (!store.isDamaged(sector)) return;
        progress.damagedCount += 1;
        noteDamaged(state.repair, sector);
      }),
    );
  });
}

function stampIn(entries: readonly StampEntry[], sector: SectorIndex) {
  return entries.find((entry) => entry.sector === sector)?.stamp ?? STAMP_INITIAL;
}
