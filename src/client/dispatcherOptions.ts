/** The options and callbacks of a dispatcher. */
import type { Rank } from '../core/rank.js';
import type { SectorIndex } from '../core/sector.js';
import type { AttemptObserver, ClientCounters } from './clientEvents.js';
import type { Link } from './link.js';
import type { SectorRequest } from './operation.js';

export interface DispatcherOptions {
  readonly counters: ClientCounters;
  /** @throws {AtomicDiskError} ATDD_INVALID_SECTOR_INDEX or ATDD_RANGE if there can be no such request. */
  check(request: SectorRequest): void;
  /** A number for each request, never given twice by this client. */
  nextRequestNumber(): bigint;
  readonly onAttempt?: AttemptObserver;
  /** See DiskClientOptions. */
  readonly togetherMax?: number;
  /** Absent: reads are not hedged. */
  readonly hedging?: Hedging;
  /**
   * A WRITE that was sent over that link is held. `release` is to be called, once, when the WRITE can no longer take
   * effect.
   */
  onHeld(link: Link, release: () => void): void;
  /** A process has no such sector. */
  onSmaller(rank: Rank, sector: SectorIndex): void;
  /**
   * Every connected process has refused the sectors of some operations. `askAgain` is to be called periodically until
   * it returns false. Absent: such operations fail.
   */
  onBeyond?(): void;
}

export interface Hedging {
  nowMs(): number;
  /** READs are under way: `hedge` is to be called every HEDGE_CHECK_MS until it returns false. */
  onReadsUnderWay(): void;
}
