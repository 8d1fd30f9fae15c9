/**
 * Writes whose connection ended on our side only, until they can no longer take effect. Their process may still believe
 * in the connection, and begin what came by it. That is over for certain when the process is: it draws an id at each
 * start, tells it when it is asked about itself, and the lock of its folder lets one boot of it run at a time. So
 * whoever answers a question that was asked after a write was held, as another boot than the one that the write was
 * given to, is its successor (docs/adr/0006-client-resubmission.md).
 *
 * Bound: a question for each connection, and the writes that the dispatcher holds.
 */
import type { Observable, SchedulerLike } from 'rxjs';
import {
  EMPTY,
  Subject,
  catchError,
  defaultIfEmpty,
  defer,
  filter,
  ignoreElements,
  map,
  mergeMap,
  of,
  repeat,
  takeUntil,
  takeWhile,
  tap,
  timer,
} from 'rxjs';
import { AtomicDiskError } from '../errors.js';
import { BOOT_PAUSE_MS } from './clientDefaults.js';
import { inquireOnce } from './inquire.js';
import type { Link } from './link.js';

export interface HeldWritesOptions {
  /** A write is let go of after this, whatever is known. Absent: never. */
  readonly unconfirmedMs?: number | undefined;
  readonly clock: SchedulerLike;
  nextRequestNumber(): bigint;
  /** The process at the other end has said whether it is a member; some implementations never do. */
  onMemberState(link: Link, isMember: boolean): void;
  /** A write is held for the first time. */
  onFirst(): void;
}

/** What a process says of itself. */
interface Boot {
  readonly rank: unknown;
  readonly start: string;
  /**
   * One whose disk is new is not: until enough others have put that on record, its predecessor might run on elsewhere,
   * with the old disk, and be believed.
   */
  readonly isMember: boolean;
  /** Whether it answers MAP. */
  readonly maps: boolean;
}

interface HeldWrite {
  /** Undefined: what its connection led to never told. */
  readonly boot: Boot | undefined;
  readonly release: () => void;
}

export class HeldWrites {
  /** Lets go of writes for which their time is over: subscribe once. */
  readonly expiries$: Observable<never>;
  private readonly boots = new WeakMap<Link, Boot>();
  private readonly held = new Set<HeldWrite>();
  private readonly added = new Subject<HeldWrite>();
  private readonly released = new Subject<HeldWrite>();
  private hadAny = false;

  constructor(private readonly options: HeldWritesOptions) {
    this.expiries$ = this.added.pipe(
      mergeMap((write) => this.expiry(write)),
      ignoreElements(),
    );
  }

  /** @param release Is called once, when the write can no longer take effect. */
  add(link: Link, release: () => void): void {
    const write = { boot: this.boots.get(link), release };
    this.held.add(write);
    this.added.next(write);
    if (!this.hadAny) this.options.onFirst();
    this.hadAny = true;
  }

  /** Whether the process at the other end has said that it tells maps. */
  tellsMaps(link: Link): boolean {
    return this.boots.get(link)?.maps === true;
  }

  /**
   * Asks which boot of its process a new link leads to, and lets go of what was held for an earlier one. Nobody waits
   * for it; one that does not know the question never answers.
   *
   * ```
   * asks     ?-------------?
   * answers  --joining-----member
   * result   ---------------|
   * ```
   */
  learnBoot(link: Link): Observable<never> {
    const pause = (): Observable<unknown> => timer(BOOT_PAUSE_MS, this.options.clock);
    return defer(() => this.askOnce(link)).pipe(
      repeat({ delay: pause }),
      takeWhile((boot) => boot !== null && !boot.isMember),
      ignoreElements(),
    );
  }

  private askOnce(link: Link): Observable<Boot | null> {
    // What is held later may have been given to whoever answers, or to a successor.
    const before = [...this.held];
    const nextRequestNumber = (): bigint => this.options.nextRequestNumber();
    return inquireOnce(link, { inquiry: 'status', nextRequestNumber }).pipe(
      map(bootIn),
      catchError((error: unknown) => {
        if (error instanceof AtomicDiskError) return of(null);
        throw error;
      }),
      defaultIfEmpty(null),
      tap((boot) => {
        if (boot === null) return;
        this.boots.set(link, boot);
        this.options.onMemberState(link, boot.isMember);
        if (!boot.isMember) return;
        for (const write of before) if (isPredecessor(write.boot, boot)) this.release(write);
      }),
    );
  }

  private expiry(write: HeldWrite): Observable<unknown> {
    const { unconfirmedMs, clock } = this.options;
    if (unconfirmedMs === undefined) return EMPTY;
    return timer(unconfirmedMs, clock).pipe(
      tap(() => {
        this.release(write);
      }),
      takeUntil(this.released.pipe(filter((released) => released === write))),
    );
  }

  private release(write: HeldWrite): void {
    if (!this.held.delete(write)) return;
    this.released.next(write);
    write.release();
  }
}

/** Whether one was over when the other one answered, which was asked later. */
function isPredecessor(one: Boot | undefined, other: Boot): boolean {
  return one !== undefined && one.rank === other.rank && one.start !== other.start;
}

/** @param text Untrusted; null: it does not tell, as those of older versions. */
function bootIn(text: string): Boot | null {
  let report: unknown;
  try {
    report = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof report !== 'object' || report === null) return null;
  const { rank, start, standing, maps } = report as Partial<Record<string, unknown>>;
  if (typeof start !== 'string' || start === '') return null;
  return { rank, start, isMember: standing === 'member', maps: maps === true };
}
