import type { Observable } from 'rxjs';
import type { SectorData, SectorIndex } from '../core/sector.js';
import type { Stamp } from '../core/stamp.js';
import type { NoteChanges } from './notes.js';

/**
 * What the store needs of a disk. The simulation has a disk of its own that loses and tears.
 *
 * Observables here are cold: an operation begins when it is subscribed to, and once begun it cannot be taken back.
 * Errors name the file and the operation.
 */

/** No room. Nothing that was flushed before is lost. */
export class NoSpace extends Error {
  override readonly name = 'NoSpace';
}

/** Fixed-size slots of 4096 bytes, numbered from 0; the file grows as higher slots are written. */
export interface SlotFile {
  /** Whole slots in the file when it was opened. */
  readonly slotCountAtOpen: number;
  /**
   * Hands bytes to the operating system; they are durable only after a later `flush` completes.
   * @throws {NoSpace} if they cannot be stored.
   */
  write(slot: number, data: SectorData): void;
  /** Writes what the slot holds already once more, so that the next flush answers for it. */
  renew(slot: number, data: SectorData): void;
  /**
   * Completes once all that was written before it was called is on the disk. Fails with NoSpace if there was no room
   * after all; any other failure means that nobody knows what the disk holds.
   */
  flush(): Observable<never>;
  /**
   * Cuts the file so that it has at most so many slots, and gives their room back. Not called while a write is not
   * flushed. After a crash the file may be as it was. Fails if that is impossible.
   */
  truncate(slotCount: number): Observable<never>;
  /** Emits the slot's bytes, for the caller to keep, and completes. Fails if it cannot read. */
  read(slot: number): Observable<Uint8Array>;
  close(): Observable<never>;
}

/** Where the newest value of a sector stands. */
export interface SectorRecord {
  readonly sector: SectorIndex;
  readonly stamp: Stamp;
  /** Slot that holds the data, or null: the data is all zeros and takes no slot. */
  readonly slot: number | null;
  /** CRC-32 of sector, stamp and data (src/store/checksum.ts); 0 where there is no slot. */
  readonly checksum: number;
}

/** What all records come to. Kept with them: records that were lost, or came back, show by it. */
export interface RecordTotals {
  /** Commits since the folder was made. */
  readonly commitCount: number;
  /** Sectors that have a record. */
  readonly recordCount: number;
  /** The checks of all records (src/store/recordFormat.ts), added up modulo 2^32. */
  readonly checkSum: number;
}

/** What one commit does to the records. */
export interface RecordBatch {
  /** Of different sectors: these are theirs from now on. */
  readonly records: readonly SectorRecord[];
  /** What all records come to then. */
  readonly totals: RecordTotals;
  /**
   * The records that stood before, of those sectors whose new data may not be on the disk yet. To be gone back to
   * (`unconfirmed`) if it never gets there.
   */
  readonly replaced: readonly SectorRecord[];
}

/** The durable map sector -> record. */
export interface MetadataFile {
  /** Every record, in batches, in any order; completes at the end. */
  records(): Observable<readonly SectorRecord[]>;
  /** Emits what the last commit said that all records come to, and completes. */
  totals(): Observable<RecordTotals>;
  /**
   * Replaces the records of these sectors and the totals, all or none, durable when it completes. Fails with NoSpace if
   * there was no room: then it is unknown whether they were replaced, and no other commit may follow before a `reopen`.
   * Any other failure means that nobody knows what the disk holds.
   */
  commit(batch: RecordBatch): Observable<never>;
  /**
   * Notes that the last commit, which has this number, is complete: the data that its records point to is durable too.
   * The note itself need not be, but has to outlive the process.
   */
  confirm(commitCount: number): void;
  /**
   * When it is opened: emits what the last commit replaced, if it is not known to be complete. Its data may be missing;
   * that of every commit before it is there.
   */
  unconfirmed(): Observable<readonly SectorRecord[]>;
  /**
   * After a NoSpace: opens the map again and emits what it durably holds for these sectors. Fails with NoSpace while
   * there is no room for that either; it may then be called again.
   */
  reopen(sectors: readonly SectorIndex[]): Observable<ReadonlyMap<SectorIndex, SectorRecord>>;
  /**
   * The records from that sector on, in order, at most `limit`; emits them once. Fails with NoSpace while there is no
   * room for what a `reopen` needs; it may then be called again.
   */
  list(from: SectorIndex, limit: number): Observable<readonly SectorRecord[]>;
  /** All notes; emits them once. */
  notes(): Observable<ReadonlyMap<string, Uint8Array>>;
  /**
   * Changes notes, all or none, durable when it completes. Fails with NoSpace if there was no room: it is unknown
   * whether they were changed, and they may be put again.
   */
  putNotes(changes: NoteChanges): Observable<never>;
  close(): Observable<never>;
}
