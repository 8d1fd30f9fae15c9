/**
 * A coordinator of the strict register (docs/strict-register.md, Roles): reads, writes, updates and heals ranges over
 * ports to all replicas.
 *
 *   caller ─► RangeQueue: overlapping ranges one after the other ─► window ─► TaskRunner ─► ReplicaPort
 *
 * Bounds: at most `limits.operations` and `limits.bytes` are under way. What callers ask for beyond that waits here in
 * order of arrival, so callers bound what they ask for.
 */
import { NEVER, Observable } from 'rxjs';
import type { SectorData, SectorIndex } from '../core/sector.js';
import type { SectorRange } from '../core/strict/range.js';
import type { RangeData } from '../core/strict/replicaMessage.js';
import type { Task } from '../core/strict/task.js';
import { AtomicDiskError } from '../errors.js';
import { guarded } from './changeFailure.js';
import type { CoordinatorOptions } from './coordinatorOptions.js';
import { Deadlines } from './deadlines.js';
import type { Healed, RangeOperation } from './rangeOperation.js';
import { checkOperation, createOperation, describeOutcome, outcomeUnknown } from './rangeOperation.js';
import { RangeQueue } from './rangeQueue.js';
import type { TaskOutcome } from './taskRunner.js';
import { TaskRunner } from './taskRunner.js';

/** What a coordinator has in memory. */
export interface CoordinatorStats {
  /** Of earlier operations, or for room in the window. */
  readonly waiting: number;
  readonly running: number;
  /** Over for their users, not for the replicas. */
  readonly concluding: number;
  /** Requests that each replica has not answered, that of rank 1 first. */
  readonly unanswered: readonly number[];
}

/**
 * Observables here are cold: an operation begins on subscription. They fail with an AtomicDiskError, which says of a
 * write whether it may have taken effect. Unsubscribing gives a read up, and a write that no replica was told to store.
 * Any other write keeps its sectors until it is decided.
 */
export class Coordinator {
  /**
   * Takes in what the ports say: to be subscribed to once, for as long as the coordinator is used. Completes after
   * `close`; an error is a broken invariant.
   */
  readonly run$: Observable<never>;
  readonly #runner: TaskRunner;
  readonly #queue = new RangeQueue<RangeOperation>();
  /** Operations whose turn has come, in order. */
  readonly #ready = new Set<RangeOperation>();
  /** Operations that wait, are ready or run. */
  readonly #open = new Set<RangeOperation>();
  readonly #timeouts: Deadlines<RangeOperation> | null;
  #runningCount = 0;
  #runningBytes = 0;
  #finishedCount = 0;
  #isClosed = false;

  constructor(private readonly options: CoordinatorOptions) {
    this.#runner = new TaskRunner(options, (operation, outcome) => {
      this.#finished(operation, outcome);
    });
    this.run$ = this.#runner.run$;
    const { operationMs } = options;
    const timedOut = (operation: RangeOperation): void => {
      operation.caller.error(new AtomicDiskError('ATDD_TIMEOUT', describeOutcome(operation)));
    };
    this.#timeouts = operationMs === undefined ? null : new Deadlines(this.#runner.alarms, operationMs, timedOut);
  }

  get stats(): CoordinatorStats {
    return {
      waiting: this.#open.size - this.#runningCount,
      running: this.#runningCount,
      concluding: this.#runner.concludingCount,
      unanswered: this.#runner.unansweredCounts,
    };
  }

  /** Operations whose results are known, since the coordinator was made. */
  get finishedCount(): number {
    return this.#finishedCount;
  }

  /**
   * Emits the data of the range, which must not be changed, and completes. Each sector is read atomically.
   *
   * @param abandon$ When it emits, an operation that can be given up is, and fails with ATDD_CLIENT_CLOSED. Any other
   * goes on. So the end of the observable is the end of the operation, which it is not after unsubscribing.
   */
  readRange(range: SectorRange, abandon$?: Observable<unknown>): Observable<RangeData> {
    return this.#perform({ kind: 'read' }, range, abandon$) as Observable<RangeData>;
  }

  /**
   * Completes when the data is durable on a majority. Each sector is written atomically. The data must never be changed
   * once it was passed on. For `abandon$` see `readRange`.
   */
  writeRange(range: SectorRange, data: RangeData, abandon$?: Observable<unknown>): Observable<never> {
    return this.#perform({ kind: 'write', data }, range, abandon$) as Observable<never>;
  }

  /**
   * Emits the data that was stored, which must not be changed, and completes when the sector holds what `change` has
   * made of it, with no other write of anybody in between. `change` must not keep or change its argument, and may be
   * called several times; what was stored need not be the result of the last call. Fails with ATDD_OUTCOME_UNKNOWN if
   * other writes have hidden whether this one took effect.
   */
  update(sector: SectorIndex, change: (current: SectorData) => SectorData): Observable<RangeData> {
    const task: Task = { kind: 'update', change: guarded(change) };
    return this.#perform(task, { first: sector, count: 1 }) as Observable<RangeData>;
  }

  /**
   * Brings the range to one settled version, which every replica that is up has or gets. Emits each part of the range
   * that is, once the replicas have answered or have not for a while, with those that may lack it. Completes after all.
   */
  heal(range: SectorRange): Observable<Healed> {
    return this.#perform({ kind: 'heal' }, range) as Observable<Healed>;
  }

  /**
   * Fails the operations under way with ATDD_CLIENT_CLOSED, and completes when the last messages were given to the
   * ports. A write that was told to replicas may still take effect.
   */
  close(): Observable<never> {
    return new Observable((subscriber) => {
      if (!this.#isClosed) {
        this.#isClosed = true;
        for (const operation of [...this.#open]) {
          const text = `the client was closed: ${describeOutcome(operation)}`;
          operation.caller.error(new AtomicDiskError('ATDD_CLIENT_CLOSED', text));
        }
        this.#runner.close();
      }
      return this.options.schedulers.turn.schedule(() => {
        subscriber.complete();
      });
    });
  }

  #perform(task: Task, range: SectorRange, abandon$: Observable<unknown> = NEVER): Observable<RangeData | Healed> {
    return new Observable((subscriber) => {
      checkOperation(task, range, this.options.sectors ?? Number.MAX_SAFE_INTEGER);
      if (this.#isClosed) {
        subscriber.error(new AtomicDiskError('ATDD_CLIENT_CLOSED', 'the client is closed'));
        return;
      }
      const operation = createOperation(task, range, subscriber);
      subscriber.add(() => {
        this.#abandon(operation);
      });
      subscriber.add(
        abandon$.subscribe({
          next: () => {
            this.#abandon(operation);
            if (operation.place !== 'over') return;
            subscriber.error(new AtomicDiskError('ATDD_CLIENT_CLOSED', describeOutcome(operation)));
          },
          error: (failure: unknown) => {
            subscriber.error(failure);
          },
        }),
      );
      this.#open.add(operation);
      this.#timeouts?.add(operation);
      if (this.#queue.add(operation)) this.#makeReady(operation);
      this.#pump();
    });
  }

  /** Starts what there is room for. */
  #pump(): void {
    const { operations, bytes } = this.options.limits;
    for (const operation of this.#ready) {
      const hasRoom = this.#runningCount < operations && this.#runningBytes + operation.bytes <= bytes;
      if (this.#isClosed || (this.#runningCount > 0 && !hasRoom)) return;
      this.#ready.delete(operation);
      this.#runningCount += 1;
      this.#runningBytes += operation.bytes;
      this.#runner.start(operation);
    }
  }

  #makeReady(operation: RangeOperation): void {
    operation.place = 'ready';
    this.#ready.add(operation);
  }

  #finished(operation: RangeOperation, outcome: TaskOutcome): void {
    this.#finishedCount += 1;
    this.#leaveWindow(operation);
    this.#leave(operation);
    const { caller } = operation;
    switch (outcome.kind) {
      case 'done':
        if (outcome.data !== null) caller.next(outcome.data);
        // A heal is over only when it is concluded.
        if (operation.task.kind !== 'heal') caller.complete();
        break;
      case 'unknown':
        caller.error(outcomeUnknown(operation));
        break;
      case 'failed':
        caller.error(outcome.error);
        break;
    }
    this.#pump();
  }

  /** The caller does not wait for the operation any more. */
  #abandon(operation: RangeOperation): void {
    if (!this.#open.has(operation)) return;
    this.#timeouts?.delete(operation);
    const { place, task, hasStored } = operation;
    if (place === 'running') {
      const isChange = task.kind === 'write' || task.kind === 'update';
      // It cannot be taken back.
      if (isChange && hasStored) return;
      this.#runner.forget(operation);
      this.#leaveWindow(operation);
    }
    operation.place = 'over';
    this.#ready.delete(operation);
    this.#leave(operation);
    this.#pump();
  }

  #leaveWindow(operation: RangeOperation): void {
    this.#runningCount -= 1;
    this.#runningBytes -= operation.bytes;
  }

  /** Its sectors are free for the next operations. */
  #leave(operation: RangeOperation): void {
    this.#open.delete(operation);
    this.#timeouts?.delete(operation);
    for (const next of this.#queue.remove(operation)) this.#makeReady(next);
  }
}
