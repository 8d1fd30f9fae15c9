import type { Observable } from 'rxjs';
import type { Inquiry } from '../core/membership/memberMessage.js';
import type { Rank } from '../core/rank.js';
import type { Disk } from '../ports/disk.js';
import type { ClientCounters } from './clientEvents.js';

/** A disk over connections to its processes. */
export interface ClientDisk extends Disk {
  readonly counters: Readonly<ClientCounters>;
  /**
   * Keeps the connections up: to be subscribed to once, for as long as the disk is used. Completes after `close`; an
   * error is a broken invariant.
   */
  readonly run$: Observable<never>;
  /** Number of operations that are not over, including abandoned ones that keep their sector. */
  readonly operationCount: number;
  /** Completes once a process has accepted a connection. */
  connected(): Observable<never>;
  /** Emits the bytes, which are the caller's own, and completes. Each sector is read atomically, the range is not. */
  readRange(offsetBytes: number | bigint, lengthBytes: number): Observable<Uint8Array>;
  /** Completes when all of it is durable. Until then the data must not be changed. Parts of sectors are updated. */
  writeRange(offsetBytes: number | bigint, data: Uint8Array): Observable<never>;
  /** Emits the time that the process took to answer, in milliseconds, and completes. Fails with ATDD_TIMEOUT. */
  ping(rank: Rank, timeoutMs: number): Observable<number>;
  /**
   * Emits the status report of that process, unchecked, and completes. Fails with ATDD_TIMEOUT, also if the process
   * does not understand such inquiries, and with ATDD_AUTH_FAILURE.
   */
  inquire(rank: Rank, inquiry: Inquiry, timeoutMs: number): Observable<string>;
  /**
   * Fails the operations under way with ATDD_CLIENT_CLOSED, ends every connection, and completes when they are gone. A
   * write that has been sent may still take effect.
   */
  close(): Observable<never>;
}
