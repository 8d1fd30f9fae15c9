import type { Observable } from 'rxjs';
import type { SectorData, SectorIndex } from '../core/sector.js';
import type { Version } from '../core/strict/version.js';
import type { NoteChanges } from './notes.js';

/**
 * What the store needs of a disk. The simulation has a disk of its own, which loses and tears writes.
 *
 * Observables here are cold: an operation begins on subscription, and then cannot be taken back. Errors name the file
 * and the operation.
 */

/** The disk has no room. Nothing that was flushed before is lost. */
export class NoSpace extends Error {
  override readonly name = 'NoSpace';
}

/** Fixed-size slots of 4096 bytes, numbered from 0; the file grows as higher slots are written. */
export interface SlotFile {
  /** Whole slots in the file when it was opened. */
  readonly slotCountAtOpen: number;
  /**
   * Hands the bytes of one slot, or of several slots that follow each other, to the operating system; they are durable
   * only after a later `flush` completes.
   * @throws {NoSpace} if they cannot be stored.
   */
  write(slot: number, data: Uint8Array): void;
  /** Writes once more what the slot holds already, so that the next flush makes it durable. */
  renew(slot: number, data: SectorData): void;
  /**
   * Completes once everything that was written before the call is on the disk. Fails with NoSpace if there was no room
   * after all. After any other failure it is unknown what the disk holds.
   */
  flush(): Observable<never>;
  /**
   * Cuts the file to at most so many slots and gives their room back. Must not be called while a write is not flushed.
   * After a crash the file may be as it was before. Fails if the file cannot be cut.
   */
  truncate(slotCount: number): Observable<never>;
  /** Emits the slot's bytes, which the caller may keep, and completes. Fails if they cannot be read. */
  read(slot: number): Observable<Uint8Array>;
  /**
   * Emits the bytes of these slots, one behind the other, which the caller may keep, and completes. Slots that follow
   * each other are read at once. Fails if one of them cannot be read.
   */
  readAll(slots: readonly number[]): Observable<Uint8Array>;
  close(): Observable<never>;
}

/** The version of a sector, and where its data is. */
export interface SectorRecord extends Version {
  readonly sector: SectorIndex;
  /** The slot that holds the data; null: the data is all zeros and takes no slot. */
  readonly slot: number | null;
  /** CRC-32 of sector, origin and data (src/store/checksum.ts); 0 without a slot. */
  readonly checksum: number;
}

/** Totals of all records. They are kept with the records, so that lost or outdated records are noticed. */
export interface RecordTotals {
  /** Commits since the folder was made. */
  readonly commitCount: number;
  /** Sectors that have a record. */
  readonly recordCount: number;
  /** The checks of all records (src/store/recordFormat.ts), added up modulo 2^32. */
  readonly checkSum: number;
}

/** The changes that one commit makes to the records. */
export interface RecordBatch {
  /** The new records, each of another sector. */
  readonly records: readonly SectorRecord[];
  /** The totals of all records after the commit. */
  readonly totals: RecordTotals;
  /**
   * The records that are replaced, of those sectors whose new data may not be on the disk yet. The store goes back to
   * them (`unconfirmed`) if it never gets there.
   */
  readonly replaced: readonly SectorRecord[];
}

/** The durable map sector -> record. */
export interface MetadataFile {
  /** Every record, in batches, in any order; completes at the end. */
  records(): Observable<readonly SectorRecord[]>;
  /** Emits the totals that the last commit has written, and completes. */
  totals(): Observable<RecordTotals>;
  /**
   * Replaces the records of these sectors and the totals, all or none. They are durable when it completes. Fails with
   * NoSpace if there was no room: then it is unknown whether they were replaced, and a `reopen` must come before any
   * other commit. After any other failure it is unknown what the disk holds.
   */
  commit(batch: RecordBatch): Observable<never>;
  /**
   * Notes that the last commit, which has this number, is complete: the data of its records is durable as well. The
   * note itself need not be durable, but has to outlive the process.
   */
  confirm(commitCount: number): void;
  /**
   * To be called when the file is opened. Emits the records that the last commit replaced, if it is not known to be
   * complete: its data may be missing. The data of every commit before it is there. Otherwise emits an empty list.
   */
  unconfirmed(): Observable<readonly SectorRecord[]>;
  /**
   * To be called after a NoSpace. Opens the map again and emits its durable records of these sectors. Fails with
   * NoSpace while there is no room for that either; then it may be called again.
   */
  reopen(sectors: readonly SectorIndex[]): Observable<ReadonlyMap<SectorIndex, SectorRecord>>;
  /**
   * Emits once the records from that sector on, in order, at most `limit`. Fails with NoSpace while there is no room
   * for what a `reopen` needs; then it may be called again.
   */
  list(from: SectorIndex, limit: number): Observable<readonly SectorRecord[]>;
  /** Emits all notes once, by name. */
  notes(): Observable<ReadonlyMap<string, Uint8Array>>;
  /**
   * Changes notes, all or none. They are durable when it completes. Fails with NoSpace if there was no room: then it is
   * unknown whether they were changed, and they may be put again.
   */
  putNotes(changes: NoteChanges): Observable<never>;
  /**
   * From when it completes, records may have versions that the base protocol has not. Programs that do not know them
   * refuse the files from then on. That is durable, and there is no way back. Nothing happens if it is so already.
   * Fails with NoSpace if there was no room; then it may be called again.
   */
  allowStrict(): Observable<never>;
  close(): Observable<never>;
}
