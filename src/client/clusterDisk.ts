/**
 * The disk of a cluster whose mode is not known before: strict (src/client/strict/) or open (src/client/diskClient.ts).
 *
 * ```
 * processes   --open--------------strict-strict----      two of three
 * operations  ==|=====|              |==|======          wait until the mode is known
 * carried out   by READ and WRITE       by the strict register
 * ```
 * Processes are asked by OPEN. The mode is strict when a majority says so, and open when one process does, or does not
 * know OPEN. A cluster goes from open to strict once, when it is upgraded. Then new operations wait until those of the
 * open mode are over. It never goes back.
 *
 * Bounds: those of both clients; operations that wait are unanswered calls, which the caller bounds.
 */
import type { Observable } from 'rxjs';
import { BehaviorSubject, EMPTY, ReplaySubject, concatMap, defer, delay, endWith, finalize, from } from 'rxjs';
import { ignoreElements, map, merge, mergeMap, of, take, takeUntil, takeWhile, throwError, timer } from 'rxjs';
import type { Inquiry } from '../core/membership/memberMessage.js';
import { majorityOf } from '../core/quorum.js';
import type { Rank } from '../core/rank.js';
import type { SectorData, SectorIndex } from '../core/sector.js';
import { SECTOR_SIZE_BYTES, ZERO_SECTOR } from '../core/sector.js';
import type { SectorRun } from '../core/sectorMap.js';
import type { RangeData } from '../core/strict/replicaMessage.js';
import { readBytes, writeBytes } from '../coordinator/diskBytes.js';
import { AtomicDiskError } from '../errors.js';
import type { Disk } from '../ports/disk.js';
import type { ClientDisk } from './clientDisk.js';
import { MOVE_CHECK_MS } from './clientDefaults.js';
import type { ClientCounters } from './clientEvents.js';
import { createCounters } from './clientEvents.js';
import type { DiskClientOptions } from './diskClient.js';
import { DiskClient } from './diskClient.js';
import { readRange, writeRange } from './ranges.js';
import type { PortMode } from './strict/clientPort.js';
import type { StrictClientPorts } from './strict/strictClient.js';
import { StrictClient } from './strict/strictClient.js';

export interface ClusterDiskOptions extends Omit<DiskClientOptions, 'counters'> {
  readonly processCount: number;
}

export class ClusterDisk implements ClientDisk {
  readonly run$: Observable<never>;
  readonly #counters = createCounters();
  readonly #strict: StrictClient;
  /** Emits itself when it is to be run. */
  readonly #opened = new ReplaySubject<DiskClient>(1);
  /** What carries operations out now; null: they wait. */
  readonly #active = new BehaviorSubject<Disk | null>(null);
  readonly #closing = new ReplaySubject<void>(1);
  readonly #stopped = new ReplaySubject<never>(1);
  #open: DiskClient | null = null;
  #isStrict = false;
  #isClosing = false;
  #waitingCount = 0;

  constructor(
    private readonly options: ClusterDiskOptions,
    private readonly ports: StrictClientPorts,
  ) {
    const { clock } = ports.schedulers;
    this.#strict = new StrictClient({ ...options, counters: this.#counters, closing$: this.#closing }, ports);
    const choose$ = this.#strict.modes$.pipe(
      concatMap((modes) => this.#choose(modes)),
      takeUntil(this.#closing),
    );
    // Its own end is waited for, as that of the ports is.
    const opened$ = this.#opened.pipe(takeUntil(this.#closing));
    const open$ = opened$.pipe(mergeMap(({ run$ }) => run$));
    this.run$ = merge(this.#strict.run$, open$, choose$).pipe(
      takeUntil(this.#closing.pipe(delay(options.timeouts.closeMs, clock))),
      finalize(() => {
        this.#stopped.complete();
      }),
    );
  }

  /** In the strict mode `answers` counts the operations that are over. */
  get counters(): Readonly<ClientCounters> {
    return { ...this.#counters, answers: this.#counters.answers + this.#strict.finishedCount };
  }

  get operationCount(): number {
    return this.#waitingCount + (this.#open?.operationCount ?? 0) + this.#strict.operationCount;
  }

  connected(): Observable<never> {
    return this.#strict.links.connected();
  }

  read(sector: SectorIndex): Observable<SectorData> {
    return this.#on(`read of sector ${sector}`, (disk) => disk.read(sector));
  }

  write(sector: SectorIndex, data: SectorData): Observable<never> {
    return this.#on(`write of sector ${sector}`, (disk) => disk.write(sector, data));
  }

  /** Atomic among all clients in the strict mode, and among the operations of this client in the open mode. */
  update(sector: SectorIndex, change: (current: SectorData) => SectorData): Observable<SectorData> {
    return this.#on(`update of sector ${sector}`, (disk) => disk.update(sector, change));
  }

  map(first: SectorIndex, count: number): Observable<readonly SectorRun[]> {
    return this.#on(`map from sector ${first} on`, (disk) => disk.map(first, count));
  }

  readSectors(first: SectorIndex, count: number): Observable<Uint8Array> {
    const { windowSectors } = this.options;
    return this.#on(
      `read of ${count} sectors from ${first} on`,
      (disk) =>
        disk.readSectors?.(first, count) ?? readBytes(disk, windowSectors, bytesTo(first), count * SECTOR_SIZE_BYTES),
    );
  }

  writeSectors(first: SectorIndex, count: number, data: RangeData): Observable<never> {
    const { windowSectors } = this.options;
    return this.#on(`write of ${count} sectors from ${first} on`, (disk) => {
      if (disk.writeSectors !== undefined) return disk.writeSectors(first, count, data);
      if (data !== 'zeros') return writeBytes(disk, windowSectors, bytesTo(first), data);
      const sectors = Array.from({ length: count }, (_, index) => first + index);
      return from(sectors).pipe(mergeMap((sector) => disk.write(sector, ZERO_SECTOR), windowSectors));
    });
  }

  readRange(offsetBytes: number | bigint, lengthBytes: number): Observable<Uint8Array> {
    return readRange(this, this.options, offsetBytes, lengthBytes);
  }

  writeRange(offsetBytes: number | bigint, data: Uint8Array): Observable<never> {
    return writeRange(this, this.options, offsetBytes, data);
  }

  ping(rank: Rank, timeoutMs: number): Observable<number> {
    return this.#strict.links.ping(rank, timeoutMs);
  }

  inquire(rank: Rank, inquiry: Inquiry, timeoutMs: number): Observable<string> {
    return this.#strict.links.inquire(rank, inquiry, timeoutMs);
  }

  close(): Observable<never> {
    return defer(() => {
      if (this.#isClosing) return this.#stopped;
      this.#isClosing = true;
      const open$ = this.#open?.close() ?? EMPTY;
      return merge(
        open$,
        this.#strict.close().pipe(
          finalize(() => {
            this.#closing.next();
          }),
        ),
        this.#stopped,
      );
    });
  }

  /** Operations of the open mode that are under way are over when the result completes. */
  #choose(modes: readonly (PortMode | null)[]): Observable<never> {
    if (this.#isStrict) return EMPTY;
    const strictCount = modes.filter((mode) => mode === 'strict').length;
    if (strictCount >= majorityOf(modes.length)) return this.#moveToStrict();
    if (this.#open !== null || !modes.some((mode) => mode === 'open' || mode === 'unknown')) return EMPTY;
    // The ports dial the same processes, and name those that cannot be reached.
    this.#open = new DiskClient({ ...this.options, counters: this.#counters, namesUnreachable: false }, this.ports);
    this.#opened.next(this.#open);
    this.#active.next(this.#open);
    return EMPTY;
  }

  #moveToStrict(): Observable<never> {
    this.#isStrict = true;
    const open = this.#open;
    if (open === null) {
      this.#active.next(this.#strict.disk);
      return EMPTY;
    }
    this.ports.log.warn('the cluster has gone over to the strict mode');
    this.#active.next(null);
    return timer(0, MOVE_CHECK_MS, this.ports.schedulers.clock).pipe(
      map(() => open.operationCount),
      takeWhile((count) => count > 0),
      ignoreElements(),
      endWith(null),
      mergeMap(() => {
        this.#open = null;
        this.#active.next(this.#strict.disk);
        return open.close();
      }),
    );
  }

  #on<T>(what: string, use: (disk: Disk) => Observable<T>): Observable<T> {
    return defer(() => {
      const disk = this.#active.value;
      return disk !== null && !this.#isClosing ? use(disk) : this.#wait(what, use);
    });
  }

  /** The time limit begins anew when the mode is known. */
  #wait<T>(what: string, use: (disk: Disk) => Observable<T>): Observable<T> {
    const effect = 'it was given up before it was sent: it has no effect';
    const closed = (): AtomicDiskError =>
      new AtomicDiskError('ATDD_CLIENT_CLOSED', `the client was closed: ${what}: ${effect}`);
    if (this.#isClosing) return throwError(closed);
    const { operationMs } = this.options.timeouts;
    const timedOut = (): AtomicDiskError => new AtomicDiskError('ATDD_TIMEOUT', `${what}: ${effect}`);
    const failing$ = merge(
      this.#closing.pipe(mergeMap(() => throwError(closed))),
      operationMs === undefined
        ? EMPTY
        : timer(operationMs, this.ports.schedulers.clock).pipe(mergeMap(() => throwError(timedOut))),
    );
    this.#waitingCount += 1;
    const known$ = this.#active.pipe(mergeMap((disk) => (disk === null ? EMPTY : of(disk))));
    return merge(known$, failing$).pipe(
      take(1),
      finalize(() => {
        this.#waitingCount -= 1;
      }),
      concatMap(use),
    );
  }
}

const bytesTo = (sector: SectorIndex): bigint => BigInt(sector) * BigInt(SECTOR_SIZE_BYTES);
