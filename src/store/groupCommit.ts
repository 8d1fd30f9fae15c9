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
import { Subject, defer, EMPTY, ignoreElements, take } from 'rxjs';
import { assert } from '../core/assert.js';
import type { SectorData, SectorIndex } from '../core/sector.js';
import type { Stamp } from '../core/stamp.js';
import { compareStamps } from '../core/stamp.js';
import { AtomicDiskError } from '../errors.js';
import type { MetadataFile, RecordTotals, SectorRecord, SlotFile } from '../ports/blockFiles.js';
import type { Schedulers } from '../ports/schedulers.js';
import type { PutOutcome } from '../ports/store.js';
import { checksumOf } from './checksum.js';
import type { CommitContext, CommitEnd, Placement } from './commitBatch.js';
import { commitBatch } from './commitBatch.js';
import { isZeroSector } from './isZeroSector.js';
import type { DiskFullLog } from './diskFullLog.js';
import type { SectorTable } from './sectorTable.js';
import { recordIn } from './sectorTable.js';
import type { SlotMap } from './slotMap.js';
import { storeFailure } from './storeFailure.js';
import { oncePerTurn } from '../oncePerTurn.js';

export interface PutRequest {
  readonly sector: SectorIndex;
  readonly stamp: Stamp;
  readonly data: SectorData;
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
  /** The most puts in one commit. */
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
  readonly stamp: Stamp;
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
      committed: (sector) => this.#committed(sector),
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
    const { sector, stamp } = request;
    assert(!this.#busySectors.has(sector), `puts of sector ${sector} overlap`);
    const before = this.#committed(sector);
    assert(before === null || compareStamps(stamp, before.stamp) >= 0, `the stamp of sector ${sector} would fall`);
    this.#busySectors.add(sector);
    this.#waiting.push(request);
    this.#scheduleTurn();
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
      this.#begin(this.#waiting.splice(0, this.#options.batchSectors));
    }
  }

  #begin(requests: readonly PutRequest[]): void {
    const placements = requests.map((request) => this.#place(request));
    const movesEnd = this.#moves?.end ?? null;
    const moves = this.#placeMoves(new Set(requests.map(({ sector }) => sector)));
    placements.push(...moves);
    if (placements.length === 0) {
      movesEnd?.(0);
      return;
    }
    this.#running = { requests, placements, moveCount: moves.length, movesEnd };
    this.#subscription = commitBatch(placements, this.#totals, this.#context).subscribe({
      next: (end) => {
        this.#settle(end);
      },
      error: (failure: Error) => {
        this.#fail(failure);
      },
    });
  }

  #place({ sector, stamp, data }: PutRequest): Placement {
    if (isZeroSector(data)) return { record: { sector, stamp, slot: null, checksum: 0 }, data };
    const slot = this.#options.slotMap.take();
    return { record: { sector, stamp, slot, checksum: checksumOf(sector, stamp, data) }, data };
  }

  /** Places the moves whose sector is not being put, has not changed, and would get a lower slot. */
  #placeMoves(putSectors: ReadonlySet<SectorIndex>): Placement[] {
    const { slotMap } = this.#options;
    const placements: Placement[] = [];
    for (const { sector, fromSlot, stamp, data } of this.#moves?.moves ?? []) {
      const record = this.#committed(sector);
      if (record?.slot !== fromSlot || putSectors.has(sector)) continue;
      if (compareStamps(record.stamp, stamp) !== 0) continue;
      if (slotMap.lowestFree >= fromSlot) break;
      placements.push({ record: { ...record, slot: slotMap.take() }, data });
    }
    this.#moves = null;
    return placements;
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
    for (const { sector, stamp, slot, checksum } of blanks) {
      this.#options.table.set(sector, stamp, slot, checksum);
    }
    for (const { record } of placements) {
      const unused = tookEffect ? this.#replace(record) : record.slot;
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
  #replace({ sector, stamp, slot, checksum }: SectorRecord): number | null {
    const before = this.#committed(sector);
    assert(before === null || compareStamps(stamp, before.stamp) >= 0, `the stamp of sector ${sector} fell`);
    this.#options.table.set(sector, stamp, slot, checksum);
    return before === null ? null : before.slot;
  }

  #committed(sector: SectorIndex): SectorRecord | null {
    return recordIn(this.#options.table, sector);
  }

  #answer(requests: readonly PutRequest[], outcome: PutOutcome): void {
    for (const { sector } of requests) this.#busySectors.delete(sector);
    for (const { observer } of requests) {
      observer.next(outcome);
      observer.complete();
    }
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
