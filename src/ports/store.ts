import type { Observable } from 'rxjs';
import type { StampEntry } from '../core/membership/memberMessage.js';
import type { SectorData, SectorIndex } from '../core/sector.js';
import type { ToldRun } from '../core/sectorMap.js';
import type { Stamp } from '../core/stamp.js';

/**
 * The copy of a sector on the disk. `damaged`: it does not match its checksum or cannot be read, so the process may
 * neither serve it nor vote with it. Its stamp is still known. A put with the same stamp and the right data mends it.
 */
export type Copy = { readonly kind: 'sound'; readonly data: SectorData } | { readonly kind: 'damaged' };

/**
 * `full`: nothing was changed, because there is no room. The caller may put again later. In rare cases it is unknown at
 * first whether the put took effect; then the put waits until it is known.
 */
export type PutOutcome = 'stored' | 'full';

/** The range of sectors that is asked for, and bounds for the cost. */
export interface RunsRange {
  readonly from: SectorIndex;
  /** The end of the range: the first sector behind it. */
  readonly end: SectorIndex;
  /** The most look-ups in the index. */
  readonly lookups: number;
  /** The most runs. */
  readonly runs: number;
}

/**
 * The durable registers of one process.
 *
 * Ordering that it promises: `put` emits 'stored' only after stamp and data have been flushed to the disk. Both are
 * stored as one: after a crash at any instant a sector is wholly as it was or wholly as it was put. Puts of different
 * sectors run concurrently and share flushes.
 *
 * Ordering that it relies on: the calls for one sector do not overlap, because the pipeline handles one event of a
 * sector at a time.
 *
 * Observables here are cold: the work begins on subscription, and a put that has begun cannot be taken back. They emit
 * exactly once and complete, or fail. After a failure, for example of a flush, the state of the disk is unknown and the
 * process has to stop.
 */
export interface SectorStore {
  /** The stamp that `put` stored last; STAMP_INITIAL if the sector was never written. From memory. */
  stampOf(sector: SectorIndex): Stamp;
  /**
   * Whether the copy is already known to be damaged: a `load` or the start has found it, and nothing was put since.
   * From memory.
   */
  isDamaged(sector: SectorIndex): boolean;
  /** The copy with the stamp `stampOf(sector)`, read from the disk and checked; zeros if it was never written. */
  load(sector: SectorIndex): Observable<Copy>;
  put(sector: SectorIndex, stamp: Stamp, data: SectorData): Observable<PutOutcome>;
  /**
   * Emits once the written sectors from `from` on, in order, at most `limit`. Each stamp was durable when it was read.
   * Unlike the others it may fail with NoSpace, after which the process may go on: without any room there is no list,
   * and it may be asked for again.
   */
  list(from: SectorIndex, limit: number): Observable<readonly StampEntry[]>;
  /**
   * What is durable at this moment: runs without gaps, from `from` on, as far as the bounds allow. Sectors known to be
   * damaged count as data. From memory.
   */
  runs(range: RunsRange): ToldRun[];
  /** How many sectors were ever written, and how many are known to be damaged. From memory. */
  counts(): { readonly written: number; readonly damaged: number };
}
