import type { Observable } from 'rxjs';
import type { SectorData, SectorIndex } from '../core/sector.js';
import type { SectorRun } from '../core/sectorMap.js';

/**
 * The disk as those see it who use it: sectors, each atomic.
 *
 * Observables here are cold: an operation begins when it is subscribed to. They fail with an AtomicDiskError, of which
 * a write says whether it may have taken effect; unsubscribing gives up waiting, not what was sent.
 */
export interface Disk {
  /** Emits the sector's data, which is the caller's own, and completes. */
  read(sector: SectorIndex): Observable<SectorData>;
  /**
   * What is known without reading of consecutive sectors from that one on, at most `count`: emits it once. Empty:
   * nothing is known, all of it takes reads. A run of `zeros` was that at an instant since this was subscribed to, as a
   * read would have found; one of `data` may be data. What this user of the disk has operations on is `unknown`.
   */
  map(from: SectorIndex, count: number): Observable<readonly SectorRun[]>;
  /** Completes when the data is durable; until then it must not be changed. */
  write(sector: SectorIndex, data: SectorData): Observable<never>;
  /**
   * Reads, changes and writes, with no other operation of this user of the disk on the sector in between. (Other users
   * may get in between: what they write then is lost.)
   */
  update(sector: SectorIndex, change: (current: SectorData) => SectorData): Observable<never>;
}
