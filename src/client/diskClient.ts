/**
 * The client without I/O: connections, time and randomness are ports, and results are Observables, so that it runs in
 * virtual time as well. src/client/connect.ts puts it on TCP and wraps it in promises.
 *
 *   caller -> Dispatcher: queue per sector -> the Link with the fewest outstanding -> Connection
 *                 ^                                     |
 *                 '---- answered, or lost and again ----'
 *
 * Each connection has a slot, which keeps it up (keepConnected) and is bound to a rank.
 */
import type { Observable } from 'rxjs';
import { defer, delay, EMPTY, finalize, merge, ReplaySubject, Subject, takeUntil, tap, timer } from 'rxjs';
import type { Inquiry } from '../core/membership/memberMessage.js';
import type { Rank } from '../core/rank.js';
import type { SectorData, SectorIndex } from '../core/sector.js';
import type { SectorRun } from '../core/sectorMap.js';
import { describeError } from '../errors.js';
import type { Log } from '../ports/log.js';
import type { Random } from '../ports/random.js';
import type { Schedulers } from '../ports/schedulers.js';
import type { Tagger } from '../wire/tag.js';
import { checkSector, checkSectorData } from './byteRange.js';
import type { ClientDisk } from './clientDisk.js';
import type { AttemptObserver, ClientCounters } from './clientEvents.js';
import { createCounters } from './clientEvents.js';
import { Dispatcher } from './dispatcher.js';
import { HeldWrites } from './heldWrites.js';
import { HEDGE_CHECK_MS } from './open/hedging.js';
import { keepConnected } from './keepConnected.js';
import type { ClientConnection } from './link.js';
import { Link } from './link.js';
import type { SectorRequest } from './operation.js';
import { ProcessLinks } from './processLinks.js';
import { readRange, writeRange } from './ranges.js';
import { askMaps } from './sectorMaps.js';
import { SmallerDisks } from './smallerDisks.js';
import type { TrialOptions } from './open/trial.js';
import { trialOf } from './open/trial.js';
import { watchWhile } from '../coordinator/watchWhile.js';

export interface ClientTimeouts {
  readonly dialMs: number;
  readonly reconnectMs: number;
  readonly reconnectMsMax: number;
  readonly unansweredMs: number;
  readonly closeMs: number;
  /** An operation that is not over by then fails with ATDD_TIMEOUT. Absent: it waits. */
  readonly operationMs?: number;
  /** A held write is sent again after this, if no later boot of its process has answered by then. Absent: never. */
  readonly unconfirmedMs?: number;
}

export interface DiskClientOptions {
  /** The rank of the process of each connection. */
  readonly slots: readonly Rank[];
  readonly outstandingPerConnection: number;
  readonly windowSectors: number;
  /**
   * How many more operations than others a process may have under way, if the client writes to it in this turn of the
   * event loop anyway: operations that are sent together arrive, are flushed and are answered together. Default 0:
   * operations are spread as evenly as possible.
   */
  readonly togetherMax?: number;
  /**
   * Size of the disk in sectors, if known. Then operations outside it are refused here, and an operation that every
   * process has refused waits for one that has its sector.
   */
  readonly sectors?: number;
  readonly timeouts: ClientTimeouts;
  /** Whether reads are hedged. Default: no. */
  readonly hedgesReads?: boolean;
  readonly tagger: Tagger;
  readonly onAttempt?: AttemptObserver;
  /** Whether the log names processes that cannot be reached. Default: yes. */
  readonly namesUnreachable?: boolean;
  /** What is counted in. Default: counters of its own. */
  readonly counters?: ClientCounters;
}

export interface DiskClientPorts {
  /** Tries once to open a connection: emits it and completes, or fails. */
  dial(rank: Rank): Observable<ClientConnection>;
  readonly schedulers: Schedulers;
  readonly random: Pick<Random, 'fraction'>;
  readonly log: Log;
}

/** A connection that is used until it is over. */
interface Served {
  readonly rank: Rank;
  readonly connection: ClientConnection;
  readonly isOnTrial: boolean;
  /** To be called if the connection has brought an answer. */
  readonly proved: () => void;
}

export class DiskClient implements ClientDisk {
  readonly counters: ClientCounters;
  readonly run$: Observable<never>;
  private readonly dispatcher: Dispatcher;
  private readonly links: ProcessLinks;
  private readonly heldWrites: HeldWrites;
  private readonly readsUnderWay = new Subject<boolean>();
  private readonly closing = new ReplaySubject<void>(1);
  private readonly stopped = new ReplaySubject<never>(1);
  private isClosing = false;
  private requestCount = 0n;

  constructor(
    private readonly options: DiskClientOptions,
    private readonly ports: DiskClientPorts,
  ) {
    const { clock } = ports.schedulers;
    const { sectors } = options;
    this.counters = options.counters ?? createCounters();
    this.links = new ProcessLinks({
      clock,
      counters: this.counters,
      nextRequestNumber: () => this.nextRequestNumber(),
      closing$: this.closing,
    });
    const smallerDisks = sectors === undefined ? undefined : new SmallerDisks(sectors, clock, ports.log);
    this.heldWrites = new HeldWrites({
      unconfirmedMs: options.timeouts.unconfirmedMs,
      clock,
      nextRequestNumber: () => this.nextRequestNumber(),
      onMemberState: (link, isMember) => {
        this.dispatcher.setMember(link, isMember);
      },
      onFirst: () => {
        const text = 'a write waits: its connection ended without a word from the other side';
        ports.log.warn(text);
      },
    });
    this.dispatcher = new Dispatcher({
      counters: this.counters,
      ...(options.togetherMax !== undefined && { togetherMax: options.togetherMax }),
      nextRequestNumber: () => this.nextRequestNumber(),
      ...(options.onAttempt !== undefined && { onAttempt: options.onAttempt }),
      check: (request) => {
        checkSector(request.sector, options.sectors);
        if (request.kind === 'write') checkSectorData(request.data);
      },
      onHeld: (link, release) => {
        this.heldWrites.add(link, release);
      },
      onSmaller: (rank, sector) => smallerDisks?.refused(rank, sector),
      ...(smallerDisks !== undefined && {
        onBeyond: () => {
          smallerDisks.allRefused();
        },
      }),
      ...(options.hedgesReads === true && {
        hedging: {
          nowMs: () => clock.now(),
          onReadsUnderWay: () => {
            this.readsUnderWay.next(true);
          },
        },
      }),
    });
    const slots = options.slots.map((rank) => this.slot(rank));
    const { expiries$ } = this.heldWrites;
    const asksAgain$ = smallerDisks?.asksAgain(() => this.dispatcher.askAgain()) ?? EMPTY;
    const whileOpen$ = merge(expiries$, this.hedges(), asksAgain$).pipe(takeUntil(this.closing));
    this.run$ = merge(...slots, whileOpen$).pipe(
      takeUntil(this.closing.pipe(delay(options.timeouts.closeMs, clock))),
      finalize(() => {
        this.stopped.complete();
      }),
    );
  }

  get operationCount(): number {
    return this.dispatcher.operationCount;
  }

  connected(): Observable<never> {
    return this.links.connected();
  }

  /** Emits the sector's data, in memory of the caller's own, and completes. */
  read(sector: SectorIndex): Observable<SectorData> {
    return this.perform({ kind: 'read', sector });
  }

  /** Completes when the data, which must not be changed until then, is durable on a majority. */
  write(sector: SectorIndex, data: SectorData): Observable<never> {
    return this.perform({ kind: 'write', sector, data });
  }

  /**
   * Reads, changes and writes, with no other operation of this client on the sector in between. Emits the result of
   * `change` and completes when it is durable on a majority.
   */
  update(sector: SectorIndex, change: (current: SectorData) => SectorData): Observable<SectorData> {
    return this.perform({ kind: 'update', sector, change });
  }

  map(from: SectorIndex, count: number): Observable<readonly SectorRun[]> {
    return defer(() => {
      const end = from + count;
      const inUse = new Set<SectorIndex>();
      for (const sector of this.dispatcher.sectorsInUse()) {
        if (sector >= from && sector < end) inUse.add(sector);
      }
      const byRank = new Map<Rank, Link>();
      for (const link of this.links.all) {
        if (link.isOpen && this.heldWrites.tellsMaps(link)) byRank.set(link.rank, link);
      }
      const links = [...byRank.values()];
      const { clock } = this.ports.schedulers;
      const nextRequestNumber = (): bigint => this.nextRequestNumber();
      return askMaps({ links, from, end, inUse, clock, nextRequestNumber });
    });
  }

  readRange(offsetBytes: number | bigint, lengthBytes: number): Observable<Uint8Array> {
    return readRange(this, this.options, offsetBytes, lengthBytes);
  }

  writeRange(offsetBytes: number | bigint, data: Uint8Array): Observable<never> {
    return writeRange(this, this.options, offsetBytes, data);
  }

  ping(rank: Rank, timeoutMs: number): Observable<number> {
    return this.links.ping(rank, timeoutMs);
  }

  inquire(rank: Rank, inquiry: Inquiry, timeoutMs: number): Observable<string> {
    return this.links.inquire(rank, inquiry, timeoutMs);
  }

  close(): Observable<never> {
    return defer(() => {
      if (!this.isClosing) {
        this.isClosing = true;
        this.dispatcher.close();
        this.closing.next();
        for (const link of this.links.all) link.leave();
      }
      return this.stopped;
    });
  }

  private perform(request: SectorRequest & { readonly kind: 'read' | 'update' }): Observable<SectorData>;
  private perform(request: SectorRequest): Observable<never>;
  private perform(request: SectorRequest): Observable<SectorData> {
    const { operationMs } = this.options.timeouts;
    const { clock } = this.ports.schedulers;
    const timedOut$ = operationMs === undefined ? null : timer(operationMs, clock);
    return this.dispatcher.perform(request, timedOut$);
  }

  private nextRequestNumber(): bigint {
    this.requestCount += 1n;
    return this.requestCount;
  }

  /** One connection after another to one process. */
  private slot(rank: Rank): Observable<never> {
    const { schedulers, random, log } = this.ports;
    const hasOthers = this.options.slots.some((other) => other !== rank);
    let wasAway = false;
    return keepConnected({
      ...this.options.timeouts,
      dial: () => this.ports.dial(rank),
      serve: (connection, proved) => {
        const isOnTrial = wasAway && hasOthers;
        wasAway = true;
        return this.serve({ rank, connection, isOnTrial, proved });
      },
      onDialFailed: (error) => {
        wasAway = true;
        this.counters.failedDials += 1;
        const trouble = describeError(error);
        const isFirst = this.links.setTrouble(rank, trouble);
        if (isFirst && this.options.namesUnreachable !== false) {
          log.warn('a process is unreachable', { rank, trouble });
        }
      },
      stop$: this.closing,
      schedulers,
      random,
    });
  }

  private serve({ rank, connection, isOnTrial, proved }: Served): Observable<never> {
    const { schedulers, log } = this.ports;
    const link = new Link({
      rank,
      connection,
      tagger: this.options.tagger,
      schedulers,
      outstandingMax: this.options.outstandingPerConnection,
      unansweredMs: this.options.timeouts.unansweredMs,
      counters: this.counters,
      onTrouble: (trouble) => {
        this.links.setTrouble(rank, trouble);
        log.warn('trouble with a process', { rank, remote: connection.remote, trouble });
      },
    });
    return defer(() => {
      this.dispatcher.addLink(link, isOnTrial);
      this.links.add(link);
      const trial$ = isOnTrial ? trialOf(link, this.trialOptions(link)) : EMPTY;
      return link.runWith(merge(this.heldWrites.learnBoot(link), trial$));
    }).pipe(
      tap({
        complete: () => {
          if (!this.isClosing) this.counters.lostConnections += 1;
          if (link.hasAnswered) proved();
        },
      }),
      finalize(() => {
        this.links.remove(link);
        this.dispatcher.removeLink(link);
        connection.destroy();
      }),
    );
  }

  private trialOptions(link: Link): TrialOptions {
    const { clock } = this.ports.schedulers;
    const passed = (): void => {
      this.dispatcher.endTrial(link);
    };
    return { ...this.links.pingOptions, clock, passed };
  }

  private hedges(): Observable<never> {
    const { clock } = this.ports.schedulers;
    const check = (): void => {
      if (!this.dispatcher.hedge()) this.readsUnderWay.next(false);
    };
    return watchWhile(this.readsUnderWay, check, HEDGE_CHECK_MS, clock);
  }
}
