import type { Observable } from 'rxjs';
import type { SectorData, SectorIndex } from '../core/sector.js';
import type { SectorRun } from '../core/sectorMap.js';
import type { RangeData } from '../core/strict/replicaMessage.js';

/**
 * The disk as its users see it: sectors, each atomic.
 *
 * Observables here are cold: an operation begins on subscription. They fail with an AtomicDiskError, which says of a
 * write whether it may have taken effect. Unsubscribing gives up waiting, but does not take back what was sent.
 */
export interface Disk {
  /** Emits the sector's data, which is the caller's own, and completes. */
  read(sector: SectorIndex): Observable<SectorData>;
  /**
   * Emits once what is known of consecutive sectors without reading them, from that one on, at most `count`. No runs:
   * nothing is known, and only reads can tell. A run of `zeros` was zeros at some instant since the subscription, as if
   * it had been read then. A run of `data` may be data. Sectors on which this user of the disk has operations are
   * `unknown`.
   */
  map(from: SectorIndex, count: number): Observable<readonly SectorRun[]>;
  /** Completes when the data is durable. Until then the caller must not change it. */
  write(sector: SectorIndex, data: SectorData): Observable<never>;
  /**
   * Reads, changes and writes the sector, without another operation of this user of the disk in between. Emits the data
   * that was written, which must not be changed, and completes. `change` must not keep or change its argument; if it
   * throws, the update fails with that error. Whether other users may write in between, so that their data is
   * lost, depends on the disk.
   */
  update(sector: SectorIndex, change: (current: SectorData) => SectorData): Observable<SectorData>;
  /**
   * Emits the data of `count` consecutive sectors, which must not be changed, and completes. Each sector is read
   * atomically, all together are not. Absent: the disk works sector by sector.
   */
  readSectors?(first: SectorIndex, count: number): Observable<Uint8Array>;
  /**
   * Completes when `count` consecutive sectors are durable. Each is written atomically, all together are not. The data
   * must never be changed once it was passed on. Absent: the disk works sector by sector.
   */
  writeSectors?(first: SectorIndex, count: number, data: RangeData): Observable<never>;
}
