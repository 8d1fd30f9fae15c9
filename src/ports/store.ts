import type { Observable } from 'rxjs';
import type { StampEntry } from '../core/membership/memberMessage.js';
import type { SectorData, SectorIndex } from '../core/sector.js';
import type { ToldRun } from '../core/sectorMap.js';
import type { Stamp } from '../core/stamp.js';

/**
 * What the disk holds of a sector. `damaged`: it does not match its checksum (or cannot be read), so its bytes may
 * neither be served nor voted with; the stamp alone is still known. Putting the same stamp again, with the right data,
 * mends it.
 */
export type Copy = { readonly kind: 'sound'; readonly data: SectorData } | { readonly kind: 'damaged' };

/**
 * `full`: nothing was changed, since there is no room. The caller may put again later. In the rare case that the disk
 * cannot tell at once whether the put took effect, neither is emitted until it can: the put waits.
 */
export type PutOutcome = 'stored' | 'full';

/** Which runs are asked for, and how much that may cost. */
export interface RunsRange {
  readonly from: SectorIndex;
  /** The first sector that is of no interest. */
  readonly end: SectorIndex;
  /** Looks into the index at most. */
  readonly lookups: number;
  /** Runs at most. */
  readonly runs: number;
}

/**
 * The durable registers of one process.
 *
 * Ordering that it promises: `put` emits 'stored' only after stamp and data have been flushed to the disk, as one:
 * after a crash at any instant a sector is wholly what it was before the put or wholly what was put. Puts of different
 * sectors run side by side and share flushes.
 *
 * Ordering that it relies on: the calls for one sector do not overlap (the pipeline handles one event of a sector at a
 * time).
 *
 * Observables here are cold: the work begins when they are subscribed to, and a put that has begun cannot be taken
 * back. They emit exactly once and complete, or fail. A failure is one after which the state of the disk is unknown (a
 * flush failed): the process has to stop.
 */
export interface SectorStore {
  /** Stamp of what `put` stored last; STAMP_INITIAL for a sector never written. From memory. */
  stampOf(sector: SectorIndex): Stamp;
  /**
   * Whether the copy is already known to be damaged: `load` or the start found out, and nothing was put since. From
   * memory.
   */
  isDamaged(sector: SectorIndex): boolean;
  /** The data behind `stampOf(sector)`, read from the disk and checked; zeros if never written. */
  load(sector: SectorIndex): Observable<Copy>;
  put(sector: SectorIndex, stamp: Stamp, data: SectorData): Observable<PutOutcome>;
  /**
   * The next written sectors from `from` on, in order, at most `limit`: emits them once. What is told of each was
   * durable when it was read. Unlike the others it may fail with NoSpace, of which nothing follows: while there is no
   * room at all there is no list, and it may be asked for again.
   */
  list(from: SectorIndex, limit: number): Observable<readonly StampEntry[]>;
  /**
   * What is durable, at this moment: runs of consecutive sectors from `from` on, as far as the bounds allow. Sectors
   * known to be damaged are told as data. From memory.
   */
  runs(range: RunsRange): ToldRun[];
  /** Sectors that were ever written, and those known to be damaged. From memory. */
  counts(): { readonly written: number; readonly damaged: number };
}
