/**
 * A client of the strict register: one connection to each process, over which a coordinator speaks to the replicas and
 * the client asks the processes about themselves.
 *
 * ```
 * RangeDisk ─► Coordinator ─► ObservedPort ─► ClientPort ─┐
 * ping, inquire ─► ProcessLinks ─► Link ─► SideConnection ┴─► Connection
 * ```
 *
 * A cluster of the open mode is asked about itself over these connections as well. Its sectors are not.
 */
import type { Observable } from 'rxjs';
import { combineLatest, defer, finalize, merge } from 'rxjs';
import { Coordinator } from '../../coordinator/coordinator.js';
import { COORDINATOR_LIMITS_DEFAULT } from '../../coordinator/coordinatorLimits.js';
import { RangeDisk } from '../../coordinator/rangeDisk.js';
import type { Rank } from '../../core/rank.js';
import { describeError } from '../../errors.js';
import type { Log } from '../../ports/log.js';
import type { Random } from '../../ports/random.js';
import type { Schedulers } from '../../ports/schedulers.js';
import type { Tagger } from '../../wire/tag.js';
import { REPLICA_LIMITS, REPLICA_TIMEOUTS } from '../clientDefaults.js';
import type { AttemptObserver, ClientCounters } from '../clientEvents.js';
import type { ClientConnection } from '../link.js';
import { Link } from '../link.js';
import { ProcessLinks } from '../processLinks.js';
import { askMaps } from '../sectorMaps.js';
import type { PortMode } from './clientPort.js';
import { ClientPort } from './clientPort.js';
import { ObservedPort } from './observedPort.js';

export interface StrictClientOptions {
  readonly processCount: number;
  /** Size of the disk in sectors, if known. Else it is the largest that a process has told. */
  readonly sectors?: number;
  readonly timeouts: {
    readonly dialMs: number;
    readonly reconnectMs: number;
    readonly reconnectMsMax: number;
    readonly unansweredMs: number;
    readonly operationMs?: number;
  };
  readonly tagger: Tagger;
  readonly counters: ClientCounters;
  readonly onAttempt?: AttemptObserver;
  /** Emits when the client is closed, also for later subscribers. */
  readonly closing$: Observable<unknown>;
}

export interface StrictClientPorts {
  dial(rank: Rank): Observable<ClientConnection>;
  readonly schedulers: Schedulers;
  readonly random: Pick<Random, 'fraction' | 'operationId'>;
  readonly log: Log;
}

/** The requests of a link that asks processes about themselves; they come one by one. */
const OUTSTANDING_MAX = 64;

export class StrictClient {
  readonly disk: RangeDisk;
  readonly links: ProcessLinks;
  /** How each process may be spoken to, that of rank 1 first; null: not known yet. Emits at once and at each change. */
  readonly modes$: Observable<readonly (PortMode | null)[]>;
  /** Keeps the connections: to be subscribed to once. Completes after `closing$`. */
  readonly run$: Observable<never>;
  readonly #coordinator: Coordinator;
  #requestCount = 0n;

  constructor(
    private readonly options: StrictClientOptions,
    private readonly ports: StrictClientPorts,
  ) {
    const { processCount, timeouts, counters, closing$ } = options;
    const { schedulers, random } = ports;
    this.links = new ProcessLinks({
      clock: schedulers.clock,
      counters,
      nextRequestNumber: () => this.#nextRequestNumber(),
      closing$,
    });
    const replicas = Array.from({ length: processCount }, (_, index) => this.#portTo(index + 1));
    this.modes$ = combineLatest(replicas.map(({ mode$ }) => mode$));
    const sectors = (): number => options.sectors ?? largestDisk(replicas);
    this.#coordinator = new Coordinator({
      id: random.operationId(),
      processCount,
      get sectors() {
        return sectors();
      },
      ports: replicas.map((port) => new ObservedPort(port, counters, options.onAttempt)),
      schedulers,
      random,
      limits: COORDINATOR_LIMITS_DEFAULT,
      ...(timeouts.operationMs !== undefined && { operationMs: timeouts.operationMs }),
    });
    const { clock } = schedulers;
    this.disk = new RangeDisk(this.#coordinator, (from, end) =>
      askMaps({
        ...{ links: [...this.links.all], from, end, inUse: new Set(), clock },
        nextRequestNumber: () => this.#nextRequestNumber(),
      }),
    );
    this.run$ = merge(this.#coordinator.run$, ...replicas.map(({ run$ }) => run$));
  }

  /** Operations that are not over for their callers, or that cannot be taken back. */
  get operationCount(): number {
    const { waiting, running } = this.#coordinator.stats;
    return waiting + running;
  }

  /** Operations whose results are known. */
  get finishedCount(): number {
    return this.#coordinator.finishedCount;
  }

  /** Fails the operations under way. Completes when the last messages were given to the connections. */
  close(): Observable<never> {
    return this.#coordinator.close();
  }

  #nextRequestNumber(): bigint {
    this.#requestCount += 1n;
    return this.#requestCount;
  }

  #portTo(rank: Rank): ClientPort {
    const { processCount, sectors, timeouts, tagger, counters, closing$ } = this.options;
    const { schedulers, random, log } = this.ports;
    return new ClientPort({
      rank,
      processCount,
      sectors: sectors ?? null,
      tagger,
      schedulers,
      random,
      counters,
      limits: REPLICA_LIMITS,
      timeouts: { ...timeouts, ...REPLICA_TIMEOUTS },
      stop$: closing$,
      dial: () => this.ports.dial(rank),
      beside: (side) => this.#askOver(rank, side),
      onDialFailed: (error) => {
        const trouble = describeError(error);
        if (this.links.setTrouble(rank, trouble)) log.warn('a process is unreachable', { rank, trouble });
      },
      onTrouble: (trouble, isFirst) => {
        this.links.setTrouble(rank, trouble);
        if (isFirst) log.warn('trouble with a process', { rank, trouble });
      },
    });
  }

  #askOver(rank: Rank, side: ClientConnection): Observable<never> {
    const { tagger, timeouts, counters } = this.options;
    const link = new Link({
      rank,
      connection: side,
      tagger,
      schedulers: this.ports.schedulers,
      outstandingMax: OUTSTANDING_MAX,
      unansweredMs: timeouts.unansweredMs,
      counters,
      onTrouble: (trouble) => {
        this.links.setTrouble(rank, trouble);
      },
    });
    return defer(() => {
      this.links.add(link);
      return link.run$;
    }).pipe(
      finalize(() => {
        this.links.remove(link);
      }),
    );
  }
}

/** In sectors, of those that are connected. While it is not known, it bounds nothing. */
function largestDisk(ports: readonly ClientPort[]): number {
  let largest: number | null = null;
  for (const { opened } of ports) if (opened !== null) largest = Math.max(largest ?? 0, opened.sectors);
  return largest ?? Number.MAX_SAFE_INTEGER;
}
