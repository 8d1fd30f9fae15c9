/**
 * The connections that carry questions to processes about themselves, and what is wrong with each process.
 *
 * Bound: the connections, and one text for each process.
 */
import type { Observable, SchedulerLike } from 'rxjs';
import {
  ReplaySubject,
  concat,
  filter,
  from,
  ignoreElements,
  mergeMap,
  take,
  takeUntil,
  throwError,
  timeout,
} from 'rxjs';
import type { Inquiry } from '../core/membership/memberMessage.js';
import type { Rank } from '../core/rank.js';
import { AtomicDiskError } from '../errors.js';
import type { ClientCounters } from './clientEvents.js';
import { inquireOver } from './inquire.js';
import type { Link } from './link.js';
import type { PingOptions } from './ping.js';
import { pingOver } from './ping.js';

export interface ProcessLinksOptions {
  readonly clock: SchedulerLike;
  readonly counters: ClientCounters;
  nextRequestNumber(): bigint;
  /** Emits when the client is closed, also for later subscribers. */
  readonly closing$: Observable<unknown>;
}

export class ProcessLinks {
  readonly #links = new Set<Link>();
  readonly #added = new ReplaySubject<Link>(1);
  /** The present trouble with each process that has one, in words. */
  readonly #troubles = new Map<Rank, string>();

  constructor(private readonly options: ProcessLinksOptions) {}

  /** The present ones. */
  get all(): ReadonlySet<Link> {
    return this.#links;
  }

  /** What pings need. */
  get pingOptions(): PingOptions {
    const { clock, counters } = this.options;
    return {
      nextRequestNumber: () => this.options.nextRequestNumber(),
      nowMs: () => clock.now(),
      counters,
    };
  }

  /** Completes once a process has accepted a connection. */
  connected(): Observable<never> {
    return this.#untilClosed(this.#added.pipe(take(1), ignoreElements()));
  }

  add(link: Link): void {
    this.#troubles.delete(link.rank);
    this.#links.add(link);
    this.#added.next(link);
  }

  remove(link: Link): void {
    this.#links.delete(link);
  }

  /** @returns whether there was no trouble with that process before. */
  setTrouble(rank: Rank, trouble: string): boolean {
    const isFirst = !this.#troubles.has(rank);
    this.#troubles.set(rank, trouble);
    return isFirst;
  }

  /** Emits the time that the process took to answer, in milliseconds, and completes. Fails with ATDD_TIMEOUT. */
  ping(rank: Rank, timeoutMs: number): Observable<number> {
    return this.#answeredWithin(timeoutMs, rank, pingOver({ ...this.pingOptions, link$: this.#linksTo(rank) }));
  }

  /**
   * Emits the status report of that process, unchecked, and completes. Fails with ATDD_TIMEOUT, also if the process
   * does not understand such inquiries, and with ATDD_AUTH_FAILURE.
   */
  inquire(rank: Rank, inquiry: Inquiry, timeoutMs: number): Observable<string> {
    const nextRequestNumber = (): bigint => this.options.nextRequestNumber();
    return this.#answeredWithin(
      timeoutMs,
      rank,
      inquireOver({ link$: this.#linksTo(rank), inquiry, nextRequestNumber }),
    );
  }

  /** Emits the present and later connections to that process. */
  #linksTo(rank: Rank): Observable<Link> {
    return concat(from(this.#links), this.#added).pipe(filter((link) => link.rank === rank));
  }

  #answeredWithin<T>(timeoutMs: number, rank: Rank, answer$: Observable<T>): Observable<T> {
    const timedOut = (): AtomicDiskError => {
      const trouble = this.#troubles.get(rank) ?? 'connected, but no answer';
      const text = `process ${rank} did not answer within ${timeoutMs} ms: ${trouble}`;
      return new AtomicDiskError('ATDD_TIMEOUT', text, { cause: trouble });
    };
    const late = { first: timeoutMs, scheduler: this.options.clock, with: () => throwError(timedOut) };
    return this.#untilClosed(answer$).pipe(timeout(late));
  }

  #untilClosed<T>(source$: Observable<T>): Observable<T> {
    const closed = (): AtomicDiskError => new AtomicDiskError('ATDD_CLIENT_CLOSED', 'the client is closed');
    return source$.pipe(takeUntil(this.options.closing$.pipe(mergeMap(() => throwError(closed)))));
  }
}
