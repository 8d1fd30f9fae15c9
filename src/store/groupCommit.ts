/**
 * Gathers puts and commits them together.
 *
 *   waiting ──turn──> running ──settled──> answered
 *
 * A commit begins at the end of the turn in which the first put arrived, so the puts of one turn
 * share it; what arrives while it runs goes into the next one. One commit runs at a time, which
 * bounds the slots that are taken twice, by old and new values, to one batch.
 *
 * `waiting` has no bound of its own: a sector has at most one put under way (asserted), and how
 * many sectors are busy at a time is bounded where operations and messages are let in.
 */
import {
  type Observable,
  Subject,
  type Subscription,
  defer,
  EMPTY,
  ignoreElements,
  take,
} from 'rxjs';
import { assert } from '../core/assert.js';
import type { SectorData, SectorIndex } from '../core/sector.js';
import { compareStamps, type Stamp } from '../core/stamp.js';
import { AtomicDiskError } from '../errors.js';
import type { MetadataFile, SectorRecord, SlotFile } from '../ports/blockFiles.js';
import type { Schedulers } from '../ports/schedulers.js';
import type { PutOutcome } from '../ports/store.js';
import { checksumOf } from './checksum.js';
import { commitBatch, type CommitContext, type Placement } from './commitBatch.js';
import { isZeroSector } from './isZeroSector.js';
import type { RoomLog } from './roomLog.js';
import { NO_ENTRY, type SectorTable } from './sectorTable.js';
import type { SlotMap } from './slotMap.js';

export interface PutRequest {
  readonly sector: SectorIndex;
  readonly stamp: Stamp;
  readonly data: SectorData;
  /** Is told the outcome, once. */
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
  readonly schedulers: Schedulers;
  readonly roomLog: RoomLog;
  /** Puts in one commit at most. */
  readonly batchSectors: number;
}

interface RunningCommit {
  readonly requests: readonly PutRequest[];
  readonly placements: readonly Placement[];
}

export class GroupCommit {
  readonly #options: GroupCommitOptions;
  readonly #context: CommitContext;
  #waiting: PutRequest[] = [];
  readonly #busySectors = new Set<SectorIndex>();
  #running: RunningCommit | null = null;
  #subscription: Subscription | null = null;
  #isTurnScheduled = false;
  /** The running commit found no room for its metadata and waits until they can be read again. */
  #isStalled = false;
  /** Why nothing can be put any more. */
  #failure: Error | null = null;
  readonly #settled$ = new Subject<void>();

  constructor(options: GroupCommitOptions) {
    assert(options.batchSectors >= 1, 'a commit takes at least one put');
    this.#options = options;
    this.#context = {
      slotFile: options.slotFile,
      metadata: options.metadata,
      clock: options.schedulers.clock,
      committed: (sector) => this.#committed(sector),
      dataRefused: (cause) => {
        options.roomLog.refused(cause);
      },
      metadataRefused: (cause) => {
        options.roomLog.refused(cause);
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
    assert(
      before === null || compareStamps(stamp, before.stamp) >= 0,
      `the stamp of sector ${sector} would fall`,
    );
    this.#busySectors.add(sector);
    this.#waiting.push(request);
    this.#scheduleTurn();
  }

  /**
   * Refuses further puts, and those still waiting; completes when the running commit has ended. One
   * that waits for room is given up: like a crash, it leaves the old or the new values.
   */
  close(): Observable<never> {
    return defer(() => {
      const closed = new AtomicDiskError('ATDD_STORE_FAILED', 'the store is closed');
      this.#failure ??= closed;
      this.#failWaiting(closed);
      if (this.#isStalled) this.#fail(closed);
      return this.#running === null ? EMPTY : this.#settled$.pipe(take(1), ignoreElements());
    });
  }

  #scheduleTurn(): void {
    if (this.#isTurnScheduled || (this.#running !== null && !this.#isStalled)) return;
    this.#isTurnScheduled = true;
    this.#options.schedulers.turn.schedule(() => {
      this.#isTurnScheduled = false;
      this.#onTurn();
    });
  }

  #onTurn(): void {
    if (this.#isStalled && this.#failure !== null) {
      // It was being closed: that does not wait for room.
      this.#fail(this.#failure);
      return;
    }
    if (this.#waiting.length === 0) return;
    if (this.#isStalled) {
      const refused = this.#waiting;
      this.#waiting = [];
      this.#answer(refused, 'full');
      return;
    }
    if (this.#running !== null) return;
    this.#begin(this.#waiting.splice(0, this.#options.batchSectors));
  }

  #begin(requests: readonly PutRequest[]): void {
    const placements = requests.map((request) => this.#place(request));
    this.#running = { requests, placements };
    this.#subscription = commitBatch(placements, this.#context).subscribe({
      next: (tookEffect) => {
        this.#settle(tookEffect);
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

  #settle(tookEffect: boolean): void {
    assert(this.#running !== null, 'only a running commit can settle');
    const { requests, placements } = this.#running;
    for (const { record } of placements) {
      const unused = tookEffect ? this.#replace(record) : record.slot;
      if (unused !== null) this.#options.slotMap.release(unused);
    }
    this.#end();
    if (tookEffect) this.#options.roomLog.stored();
    this.#answer(requests, tookEffect ? 'stored' : 'full');
    if (this.#waiting.length > 0) this.#scheduleTurn();
  }

  /** Makes a record the committed one. @returns the slot that is free by that. */
  #replace({ sector, stamp, slot, checksum }: SectorRecord): number | null {
    const before = this.#committed(sector);
    assert(
      before === null || compareStamps(stamp, before.stamp) >= 0,
      `the stamp of sector ${sector} fell`,
    );
    this.#options.table.set(sector, stamp, slot, checksum);
    return before === null ? null : before.slot;
  }

  #committed(sector: SectorIndex): SectorRecord | null {
    const { table } = this.#options;
    const entry = table.find(sector);
    if (entry === NO_ENTRY) return null;
    return {
      sector,
      stamp: table.stampAt(entry),
      slot: table.slotAt(entry),
      checksum: table.checksumAt(entry),
    };
  }

  #answer(requests: readonly PutRequest[], outcome: PutOutcome): void {
    for (const { sector } of requests) this.#busySectors.delete(sector);
    for (const { observer } of requests) {
      observer.next(outcome);
      observer.complete();
    }
  }

  /** Nothing is retried and nothing is put from here on. */
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
