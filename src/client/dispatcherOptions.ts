/** The options and callbacks of a dispatcher. */
import type { Rank } from '../core/rank.js';
import type { SectorIndex } from '../core/sector.js';
import type { AttemptObserver, ClientCounters } from './clientEvents.js';
import type { Link } from './link.js';
import type { SectorRequest } from './operation.js';

export interface DispatcherOptions {
  readonly counters: ClientCounters;
  /** Throws an AtomicDiskError if there can be no such request. */
  check(request: SectorRequest): void;
  /** A number for each request, never given twice by this client. */
  nextRequestNumber(): bigint;
  readonly onAttempt?: AttemptObserver;
  /** See DiskClientOptions. */
  readonly togetherMax?: number;
  /** Absent: no read is asked of a second process while the first may still answer. */
  readonly hedging?: Hedging;
  /**
   * A WRITE that was given to that link is held; the one who knows when it can no longer take effect calls `release`,
   * once.
   */
  onHeld(link: Link, release: () => void): void;
  /** A process has no such sector. */
  onSmaller(rank: Rank, sector: SectorIndex): void;
  /**
   * No process that there is a connection to has the sectors of some operations: call `askAgain` every now and then
   * until it returns false. Absent: they fail.
   */
  onBeyond?(): void;
}

export interface Hedging {
  nowMs(): number;
  /** READs are under way: call `hedge` every few milliseconds until it returns false. */
  onReadsUnderWay(): void;
}
