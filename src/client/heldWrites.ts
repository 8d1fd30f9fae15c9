/**
 * Held writes: their connection ended on our side only. They are held until they can no longer take effect. The process
 * of a held write may not have noticed the end of the connection, and may still begin the write. It certainly cannot
 * once that boot of it is over. Each boot draws an id, which the process tells in its status report, and the lock of
 * its folder lets only one boot run at a time. So if a question that was asked after the write was held is answered
 * with another boot id, the boot that got the write is over (docs/adr/0006-client-resubmission.md).
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
  /** Milliseconds after which a write is released in any case. Absent: never. */
  readonly unconfirmedMs?: number | undefined;
  readonly clock: SchedulerLike;
  nextRequestNumber(): bigint;
  /** The process at the other end has said whether it is a member. Foreign processes never do. */
  onMemberState(link: Link, isMember: boolean): void;
  /** A write is held for the first time. */
  onFirst(): void;
}

/** One boot of a process, by its status report. */
interface Boot {
  readonly rank: unknown;
  readonly start: string;
  /**
   * Whether the process is a member. Otherwise its answer releases no writes: until enough peers have its new disk on
   * record, its former boot might still run elsewhere with the old disk, and have its answers counted.
   */
  readonly isMember: boolean;
  /** Whether it answers MAP. */
  readonly maps: boolean;
}

interface HeldWrite {
  /** The boot that the write was sent to; undefined: it never told. */
  readonly boot: Boot | undefined;
  readonly release: () => void;
}

export class HeldWrites {
  /** Releases writes when their time is over: to be subscribed to once. */
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

  /** @param release Called once, when the write can no longer take effect. */
  add(link: Link, release: () => void): void {
    const write = { boot: this.boots.get(link), release };
    this.held.add(write);
    this.added.next(write);
    if (!this.hadAny) this.options.onFirst();
    this.hadAny = true;
  }

  /** Whether the process at the other end has said that it answers MAP. */
  tellsMaps(link: Link): boolean {
    return this.boots.get(link)?.maps === true;
  }

  /**
   * Asks which boot of its process a new link leads to, and releases the writes that were held for an earlier boot.
   * Nothing waits for the answer: a process that does not understand the question never answers.
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
    // Writes that are held later may have been sent to the boot that answers, or to a later one.
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

/** Whether `one` was over when `other` answered, which was asked later. */
function isPredecessor(one: Boot | undefined, other: Boot): boolean {
  return one !== undefined && one.rank === other.rank && one.start !== other.start;
}

/** @param text Untrusted. @returns null if the report has no boot id, as those of older versions have none. */
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
