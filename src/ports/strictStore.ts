import type { Observable } from 'rxjs';
import type { SectorIndex } from '../core/sector.js';
import type { SectorRange } from '../core/strict/range.js';
import type { HeldData, RangeData } from '../core/strict/replicaMessage.js';
import type { StrictStamp, Version } from '../core/strict/version.js';
import type { PutOutcome } from './store.js';

/** The copies of a range, or of a part of it. */
export interface CopyRun {
  readonly count: number;
  readonly data: RangeData | 'damaged';
}

/** A change of all sectors of a range: they get this version. */
export interface RangePut extends Version {
  readonly range: SectorRange;
  /**
   * `held`: the sectors keep their data and their origin, and get another stamp. Each must hold the version with that
   * stamp. A copy that is damaged stays damaged.
   */
  readonly data: RangeData | HeldData;
}

/**
 * The durable copies of one process, as the strict register uses them.
 *
 * Ordering that it promises: `put` emits 'stored' only after versions and data of the whole range have been flushed.
 * After a crash at any instant each *sector* is wholly as it was or wholly as it was put. Puts of a turn share flushes.
 *
 * Ordering that it relies on: no load and no put of a sector overlaps with a put of it. What is told from memory may be
 * asked for at any time: it is what the last put that was answered has left.
 *
 * Observables here are cold, emit exactly once and complete, or fail. After a failure the state of the disk is unknown
 * and the process has to stop.
 */
export interface StrictStore {
  /** The version that was put last; VERSION_INITIAL if the sector was never written. From memory. */
  versionOf(sector: SectorIndex): Version;
  /** Whether the copy is already known to be damaged. From memory. */
  isDamaged(sector: SectorIndex): boolean;
  /**
   * The sectors from this one up to the returned one, which begins an extent, were never written; the sector itself: it
   * may be. It takes long steps over what is empty, which end at the end of no disk. From memory.
   */
  unwrittenUntil(sector: SectorIndex): SectorIndex;
  /** Reads and verifies the copies of a range: runs without a gap that cover it. */
  loadRange(range: SectorRange): Observable<readonly CopyRun[]>;
  /**
   * Puts whole ranges. All puts of one call share a commit if they fit into one, which a range of an extent does.
   * 'full': none of them took effect, and they may be put again. If the call needed several commits, 'full' says that
   * of at least one of them; `versionOf` tells the others.
   */
  putRanges(puts: readonly RangePut[]): Observable<PutOutcome>;
  /** How many sectors were ever written, and how many are known to be damaged. From memory. */
  counts(): { readonly written: number; readonly damaged: number };
  /** A stamp at or above every stamp in the store. From memory. */
  readonly highestStamp: StrictStamp;
}
