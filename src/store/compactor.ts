/**
 * Gives room back to the file system after many sectors became zeros (a TRIM, a new file system). Node cannot punch
 * holes into a file. So the highest slots in use are moved into lower free ones, and the file is cut behind the last
 * slot in use:
 *
 *   |aa.b..c....d.e|   slots in use, and free ones
 *   |aaebd.c|          e and d were moved, the file was cut
 *
 * A move is a commit like any other, with the stamp and the checksum that the sector has. The data is written to the
 * lower slot and the record points there. Only when both are durable the higher slot is free. A crash leaves the old or
 * the new record, and both slots hold the data. The file is cut only where no record points behind the cut.
 *
 *   idle ──too many free──> scan ──found──> read ──sound──> move ──> pause ──> scan …
 *                            └──end of the table──> cut ──> idle
 *
 * It works in small steps with a pause after each, and shares the commits of the puts, which are delayed by a fraction
 * of a millisecond. Correctness does not depend on it. Nothing is remembered over a restart, because the slots show
 * what is to be done.
 */
import { catchError, defer, EMPTY, forkJoin, ignoreElements, map, type Observable } from 'rxjs';
import { of, shareReplay, Subscription } from 'rxjs';
import type { SlotFile } from '../ports/blockFiles.js';
import type { Log } from '../ports/log.js';
import type { Schedulers } from '../ports/schedulers.js';
import { checksumOf } from './checksum.js';
import type { GroupCommit, Move } from './groupCommit.js';
import type { EntryNumber, SectorTable } from './sectorTable.js';
import type { SlotMap } from './slotMap.js';

/** The pause between two steps (milliseconds). With MOVE_SECTORS_MAX it moves some 6 MiB a second at most. */
const PAUSE_MS = 20;

/** The most sectors moved in one step: 128 KiB. */
const MOVE_SECTORS_MAX = 32;

/** The most entries of the table scanned in one step, which takes a fraction of a millisecond. */
const SCAN_ENTRIES = 32_768;

/** The most slots cut off in one step: 16 MiB, whose blocks the file system has to free. */
const CUT_SLOTS_MAX = 4_096;

/** The pause after a run that achieved nothing, because of damaged sectors or lack of room (milliseconds). */
const REST_MS = 60_000;

/**
 * In batches of one commit: the compactor begins when the file has more spare slots than the first, and leaves the
 * second.
 */
const BEGIN_COMMITS = 2;
const LEAVE_COMMITS = 1;

export interface CompactorOptions {
  readonly slotFile: SlotFile;
  readonly table: SectorTable;
  readonly slotMap: SlotMap;
  readonly schedulers: Schedulers;
  readonly log: Log;
  /** The most puts in one commit. Overwriting takes so many more slots, so they may stay. */
  readonly batchSectors: number;
  /** Makes the moves and the cuts. */
  readonly commits: Pick<GroupCommit, 'move' | 'cut'>;
}

export class Compactor {
  readonly #options: CompactorOptions;
  readonly #timer = new Subscription();
  #isBusy = false;
  #isClosed = false;
  /** The entry that is scanned next. */
  #cursor: EntryNumber = 0;
  #movedCount = 0;
  #slotsBefore = 0;
  #restsUntilMs = Number.NEGATIVE_INFINITY;
  /** Reads under way: a close waits for them. */
  #reading$: Observable<unknown> = EMPTY;

  constructor(options: CompactorOptions) {
    this.#options = options;
  }

  /** Begins a run if there is something to do. Cheap, because it is called after each commit. */
  check(): void {
    if (this.#isBusy || this.#isClosed) return;
    if (this.#spareSlots() <= this.#allowed(BEGIN_COMMITS)) return;
    if (this.#options.schedulers.clock.now() < this.#restsUntilMs) return;
    this.#isBusy = true;
    this.#cursor = 0;
    this.#movedCount = 0;
    this.#slotsBefore = this.#options.slotMap.fileEnd;
    this.#pause();
  }

  /** Stops for good. Completes when no read is under way. */
  close(): Observable<never> {
    return defer(() => {
      this.#isClosed = true;
      this.#timer.unsubscribe();
      return this.#reading$.pipe(ignoreElements());
    });
  }

  /** Slots of the file that hold nothing. */
  #spareSlots(): number {
    const { slotMap } = this.#options;
    return slotMap.fileEnd - slotMap.takenCount;
  }

  #allowed(commits: number): number {
    return commits * this.#options.batchSectors;
  }

  /** The slots in use should be below this one. */
  #goal(): number {
    return this.#options.slotMap.takenCount + this.#allowed(LEAVE_COMMITS);
  }

  #pause(): void {
    if (this.#isClosed) return;
    const next = this.#options.schedulers.clock.schedule(() => {
      this.#timer.remove(next);
      this.#step();
    }, PAUSE_MS);
    this.#timer.add(next);
  }

  #step(): void {
    const found = this.#scan();
    if (found.length > 0) this.#read(found);
    else if (this.#cursor < this.#options.table.entryCount) this.#pause();
    else this.#cut();
  }

  /**
   * Scans on through the table.
   * @returns entries whose slots are too high, as many as one step moves.
   */
  #scan(): EntryNumber[] {
    const { table, batchSectors } = this.#options;
    const foundMax = Math.min(MOVE_SECTORS_MAX, batchSectors);
    const end = Math.min(table.entryCount, this.#cursor + SCAN_ENTRIES);
    const goal = this.#goal();
    const found: EntryNumber[] = [];
    while (this.#cursor < end && found.length < foundMax) {
      const slot = table.slotAt(this.#cursor);
      if (slot !== null && slot >= goal && !table.isMarked(this.#cursor)) found.push(this.#cursor);
      this.#cursor += 1;
    }
    return found;
  }

  #read(entries: readonly EntryNumber[]): void {
    const reading$ = forkJoin(entries.map((entry) => this.#readEntry(entry))).pipe(
      shareReplay({ bufferSize: 1, refCount: false }),
    );
    this.#reading$ = reading$;
    reading$.subscribe({
      next: (moves) => {
        this.#move(moves.filter((move) => move !== null));
      },
      error: () => {
        this.#end();
      },
    });
  }

  #move(moves: readonly Move[]): void {
    if (this.#isClosed) return;
    if (moves.length === 0) {
      this.#pause();
      return;
    }
    this.#options.commits.move(moves, (movedCount) => {
      if (movedCount === null) {
        // There was no room. The free slots at the end can be cut off nevertheless.
        this.#cut();
        return;
      }
      this.#movedCount += movedCount;
      this.#pause();
    });
  }

  /** Emits null if the data cannot be read or does not match its checksum: then it stays where it is. */
  #readEntry(entry: EntryNumber): Observable<Move | null> {
    const { table, slotFile } = this.#options;
    const fromSlot = table.slotAt(entry);
    if (fromSlot === null) return of(null);
    const sector = table.sectorAt(entry);
    const { stamp, origin } = table.versionAt(entry);
    const checksum = table.checksumAt(entry);
    return slotFile.read(fromSlot).pipe(
      map((data) => (checksumOf(sector, origin, data) === checksum ? { sector, fromSlot, stamp, data } : null)),
      catchError(() => of(null)),
    );
  }

  /** Cuts the file, in pieces of CUT_SLOTS_MAX, until it has the wanted length or ends with a slot in use. */
  #cut(): void {
    const { slotMap, commits } = this.#options;
    const target = (): number => {
      const wanted = Math.max(slotMap.end, Math.min(this.#goal(), slotMap.fileEnd));
      return Math.max(wanted, slotMap.fileEnd - CUT_SLOTS_MAX);
    };
    if (target() >= slotMap.fileEnd) {
      this.#end();
      return;
    }
    commits.cut(target, () => {
      this.#pause();
    });
  }

  #end(): void {
    const { slotMap, schedulers, log } = this.#options;
    const slotsBefore = this.#slotsBefore;
    const slots = slotMap.fileEnd;
    const sectorsMoved = this.#movedCount;
    this.#isBusy = false;
    if (slots === slotsBefore && sectorsMoved === 0) {
      this.#restsUntilMs = schedulers.clock.now() + REST_MS;
      return;
    }
    if (slots < slotsBefore) {
      log.info('the data file was cut: room was given back', {
        event: 'dataFileCut',
        slotsBefore,
        slots,
        sectorsMoved,
      });
    }
    // More slots may have become free meanwhile.
    this.check();
  }
}
