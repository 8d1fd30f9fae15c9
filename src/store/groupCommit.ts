/**
 * Gathers puts and commits them together.
 *
 *   waiting ──turn──> running ──settled──> answered
 *
 * A commit begins at the end of the turn in which the first put arrived, so the puts of one turn share it. Puts that
 * arrive while it runs go into the next one. One commit runs at a time. So at most one batch of sectors has two slots,
 * one for the old value and one for the new.
 *
 * The compactor (src/store/compactor.ts) makes its changes through this class, because they must not overlap with a
 * commit. Moves of sectors to lower slots join the next commit, with the stamp and the checksum that they have. The
 * file is cut between two commits.
 *
 * `waiting` has no bound of its own, because a sector has at most one put under way (asserted). The sectors that are
 * busy at a time are bounded where operations and messages are let in.
 */
import type { Observable, Subscription } from 'rxjs';
import { Subject, defer, EMPTY, filter, ignoreElements, merge, take } from 'rxjs';
import { assert } from '../core/assert.js';
import type { SectorData, SectorIndex } from '../core/sector.js';
import { compareStrictStamps, type StrictStamp } from '../core/strict/version.js';
import { AtomicDiskError } from '../errors.js';
import type { MetadataFile, RecordTotals, SlotFile } from '../ports/blockFiles.js';
import type { Schedulers } from '../ports/schedulers.js';
import type { PutOutcome } from '../ports/store.js';
import type { RangePut } from '../ports/strictStore.js';
import { isSameStamp } from './baseStamps.js';
import type { CommitContext, CommitEnd } from './commitBatch.js';
import { commitBatch } from './commitBatch.js';
import type { DiskFullLog } from './diskFullLog.js';
import { type CommitPlan, type Placement, placePut } from './placement.js';
import type { SectorTable } from './sectorTable.js';
import { NO_ENTRY, recordIn } from './sectorTable.js';
import type { SlotMap } from './slotMap.js';
import { storeFailure } from './storeFailure.js';
import { oncePerTurn } from '../oncePerTurn.js';

export interface PutRequest {
  /** All of them are in one commit: together they have at most `batchSectors` sectors, each another. */
  readonly puts: readonly RangePut[];
  /** Gets the outcome once, and completes; or the error. */
  readonly observer: {
    next(outcome: PutOutcome): void;
    error(failure: Error): void;
    complete(): void;
  };
}

export interface GroupCommitOptions {
  readonly slotFile: SlotFile;
  readonly metadata: MetadataFile;
  readonly table: SectorTable;
  readonly slotMap: SlotMap;
  /** The totals of the records in the table. */
  readonly totals: RecordTotals;
  readonly schedulers: Schedulers;
  readonly diskFullLog: DiskFullLog;
  /** The most sectors that are put in one commit. */
  readonly batchSectors: number;
  /** Called after each commit: slots may have become free. */
  readonly onSettled: () => void;
}

/** A sector that is to be moved to a lower slot. */
export interface Move {
  readonly sector: SectorIndex;
  /** The slot from which its data was read. If the sector is no longer there, it is not moved. */
  readonly fromSlot: number;
  /** The stamp of the data. The sector may have left the slot since then, and come back to it with other data. */
  readonly stamp: StrictStamp;
  readonly data: SectorData;
}

/** Called with the number of sectors moved; null: there was no room. Not called after a failure. */
type MovesEnd = (movedCount: number | null) => void;

interface Cut {
  readonly slotCount: () => number;
  readonly end: () => void;
}

interface RunningCommit {
  readonly requests: readonly PutRequest[];
  readonly placements: readonly Placement[];
  /** So many of the placements, the last ones, are moves. */
  readonly moveCount: number;
  readonly movesEnd: MovesEnd | null;
}

export class GroupCommit {
  readonly #options: GroupCommitOptions;
  readonly #context: CommitContext;
  #waiting: PutRequest[] = [];
  #moves: { readonly moves: readonly Move[]; readonly end: MovesEnd } | null = null;
  #cut: Cut | null = null;
  readonly #busySectors = new Set<SectorIndex>();
  #totals: RecordTotals;
  #running: RunningCommit | null = null;
  #subscription: Subscription | null = null;
  readonly #askForTurn: () => void;
  /** The running commit found no room for its metadata, and waits until the metadata can be read again. */
  #isStalled = false;
  /** The reason why nothing can be put any more; null: puts are accepted. */
  #failure: Error | null = null;
  readonly #settled$ = new Subject<void>();
  /** Emits when puts have ended. */
  readonly #answered$ = new Subject<void>();

  constructor(options: GroupCommitOptions) {
    assert(options.batchSectors >= 1, 'a commit takes at least one put');
    this.#options = options;
    this.#totals = options.totals;
    this.#askForTurn = oncePerTurn(options.schedulers.turn, () => {
      this.#onTurn();
    });
    this.#context = {
      slotFile: options.slotFile,
      metadata: options.metadata,
      clock: options.schedulers.clock,
      dataRefused: (cause) => {
        options.diskFullLog.refused(cause);
      },
      metadataRefused: (cause) => {
        options.diskFullLog.refused(cause);
        this.#isStalled = true;
        this.#scheduleTurn();
      },
    };
  }

  put(request: PutRequest): void {
    if (this.#failure !== null) {
      request.observer.error(this.#failure);
      return;
    }
    let sectorCount = 0;
    for (const { range, stamp } of request.puts) {
      sectorCount += range.count;
      for (let sector = range.first; sector < range.first + range.count; sector += 1) {
        this.#assertFree(sector, stamp);
        this.#busySectors.add(sector);
      }
    }
    assert(sectorCount <= this.#options.batchSectors, 'a request does not fit into a commit');
    this.#waiting.push(request);
    this.#scheduleTurn();
  }

  /** No put of the sector is under way, and its stamp does not fall. */
  #assertFree(sector: SectorIndex, stamp: StrictStamp): void {
    if (this.#busySectors.has(sector)) assert(false, `puts of sector ${sector} overlap`);
    const entry = this.#options.table.find(sector);
    if (entry === NO_ENTRY || compareStrictStamps(stamp, this.#options.table.stampAt(entry)) >= 0) return;
    assert(false, `the stamp of sector ${sector} would fall`);
  }

  /** Moves sectors with the next commit. Must not be called again before it has called `end`. */
  move(moves: readonly Move[], end: MovesEnd): void {
    if (this.#failure !== null) return;
    assert(this.#moves === null, 'moves overlap');
    this.#moves = { moves, end };
    this.#scheduleTurn();
  }

  /**
   * Cuts the file as soon as no commit runs, and calls `end`.
   * @param slotCount Called then; returns how many slots the file keeps.
   */
  cut(slotCount: () => number, end: () => void): void {
    if (this.#failure !== null) return;
    assert(this.#cut === null, 'cuts overlap');
    this.#cut = { slotCount, end };
    this.#scheduleTurn();
  }

  /** Completes when every put that was asked for by now has ended. A failure is told by the puts. */
  idle(): Observable<never> {
    return defer(() =>
      this.#busySectors.size === 0 || this.#failure !== null
        ? EMPTY
        : merge(this.#answered$, this.#settled$).pipe(
            filter(() => this.#busySectors.size === 0 || this.#failure !== null),
            take(1),
            ignoreElements(),
          ),
    );
  }

  /**
   * Fails all further puts and those that wait. Completes when the running commit has ended. A commit that waits for
   * room is given up: like a crash, it leaves the old or the new values.
   */
  close(): Observable<never> {
    return defer(() => {
      const closed = new AtomicDiskError('ATDD_STORE_FAILED', 'the store is closed');
      this.#failure ??= closed;
      this.#moves = null;
      this.#cut = null;
      this.#failWaiting(closed);
      if (this.#isStalled) this.#fail(closed);
      return this.#running === null ? EMPTY : this.#settled$.pipe(take(1), ignoreElements());
    });
  }

  #scheduleTurn(): void {
    if (this.#running === null || this.#isStalled) this.#askForTurn();
  }

  #onTurn(): void {
    if (this.#isStalled && this.#failure !== null) {
      // The store is being closed, and that does not wait for room.
      this.#fail(this.#failure);
      return;
    }
    if (this.#isStalled) {
      const refused = this.#waiting;
      this.#waiting = [];
      this.#answer(refused, 'full');
      return;
    }
    if (this.#running !== null) return;
    if (this.#cut !== null) this.#beginCut(this.#cut);
    else if (this.#waiting.length > 0 || this.#moves !== null) {
      this.#begin(this.#waiting.splice(0, this.#batchEnd()));
    }
  }

  /** How many of the requests that wait, the first ones, fit into a commit. */
  #batchEnd(): number {
    let sectorCount = 0;
    const end = this.#waiting.findIndex(({ puts }) => {
      for (const { range } of puts) sectorCount += range.count;
      return sectorCount > this.#options.batchSectors;
    });
    return end < 0 ? this.#waiting.length : end;
  }

  #begin(requests: readonly PutRequest[]): void {
    const plan: CommitPlan = { placements: [], writes: [] };
    for (const { puts } of requests) {
      for (const put of puts) placePut(plan, put, this.#options);
    }
    const movesEnd = this.#moves?.end ?? null;
    const moveCount = this.#placeMoves(plan);
    const { placements } = plan;
    if (placements.length === 0) {
      movesEnd?.(0);
      return;
    }
    this.#running = { requests, placements, moveCount, movesEnd };
    this.#subscription = commitBatch(plan, this.#totals, this.#context).subscribe({
      next: (end) => {
        this.#settle(end);
      },
      error: (failure: Error) => {
        this.#fail(failure);
      },
    });
  }

  /**
   * Places the moves whose sector is not being put, has not changed, and would get a lower slot.
   * @returns their number.
   */
  #placeMoves({ placements, writes }: CommitPlan): number {
    const { slotMap, table } = this.#options;
    const moves = this.#moves?.moves ?? [];
    const putSectors = new Set(moves.length === 0 ? [] : placements.map(({ record }) => record.sector));
    const putCount = placements.length;
    for (const { sector, fromSlot, stamp, data } of moves) {
      const before = recordIn(table, sector);
      if (before?.slot !== fromSlot || putSectors.has(sector)) continue;
      if (!isSameStamp(before.stamp, stamp)) continue;
      if (slotMap.lowestFree >= fromSlot) break;
      const slot = slotMap.take();
      placements.push({ record: { ...before, slot }, before, isWritten: true });
      writes.push({ slot, data });
    }
    this.#moves = null;
    return placements.length - putCount;
  }

  #beginCut({ slotCount, end }: Cut): void {
    const count = slotCount();
    this.#cut = null;
    this.#running = { requests: [], placements: [], moveCount: 0, movesEnd: null };
    this.#subscription = this.#options.slotFile.truncate(count).subscribe({
      error: (error: unknown) => {
        this.#fail(storeFailure('cutting the data file', error));
      },
      complete: () => {
        this.#options.slotMap.cut(count);
        this.#end();
        end();
        this.#scheduleTurnIfNeeded();
      },
    });
  }

  #settle({ tookEffect, totals, blanks }: CommitEnd): void {
    assert(this.#running !== null, 'only a running commit can settle');
    const { requests, placements, moveCount, movesEnd } = this.#running;
    this.#totals = totals;
    for (const blank of blanks) this.#options.table.set(blank);
    for (const placement of placements) {
      const written = placement.isWritten ? placement.record.slot : null;
      const unused = tookEffect ? this.#replace(placement) : written;
      if (unused !== null) this.#options.slotMap.release(unused);
    }
    this.#end();
    if (tookEffect) this.#options.diskFullLog.stored();
    this.#answer(requests, tookEffect ? 'stored' : 'full');
    movesEnd?.(tookEffect ? moveCount : null);
    this.#options.onSettled();
    this.#scheduleTurnIfNeeded();
  }

  #scheduleTurnIfNeeded(): void {
    if (this.#waiting.length > 0 || this.#moves !== null || this.#cut !== null) {
      this.#scheduleTurn();
    }
  }

  /**
   * Makes a record the committed one.
   * @returns the slot that is free now; null: none.
   */
  #replace({ record, before, isWritten }: Placement): number | null {
    const { table } = this.#options;
    assert(before === null || compareStrictStamps(record.stamp, before.stamp) >= 0, 'the stamp of a sector fell');
    const keepsData = !isWritten && record.slot !== null;
    const isDamaged = keepsData && table.isMarked(table.find(record.sector));
    const entry = table.set(record);
    if (isDamaged) table.mark(entry);
    return keepsData || before === null ? null : before.slot;
  }

  #answer(requests: readonly PutRequest[], outcome: PutOutcome): void {
    for (const { puts } of requests) {
      for (const { range } of puts) {
        for (let sector = range.first; sector < range.first + range.count; sector += 1) {
          this.#busySectors.delete(sector);
        }
      }
    }
    for (const { observer } of requests) {
      observer.next(outcome);
      observer.complete();
    }
    this.#answered$.next();
  }

  /** Fails all puts, now and from now on. Nothing is tried again. */
  #fail(failure: Error): void {
    this.#failure ??= failure;
    const requests = this.#running?.requests ?? [];
    this.#subscription?.unsubscribe();
    this.#end();
    for (const { observer } of requests) observer.error(failure);
    this.#failWaiting(failure);
  }

  #failWaiting(failure: Error): void {
    const refused = this.#waiting;
    this.#waiting = [];
    for (const { observer } of refused) observer.error(failure);
  }

  #end(): void {
    this.#running = null;
    this.#subscription = null;
    this.#isStalled = false;
    this.#settled$.next();
  }
}
