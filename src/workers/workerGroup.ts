/**
 * The workers of a process, seen from its main thread, without the threads that they run in: what they are told and
 * asked, and how far they have come. If one of them fails, the process has to stop with the same error.
 */
import type { Observable } from 'rxjs';
import { ReplaySubject, Subject, defer, filter, map, take, toArray } from 'rxjs';
import { assert, unreachable } from '../core/assert.js';
import type { Inquiry } from '../core/membership/memberMessage.js';
import type { Connection } from '../ports/connection.js';
import type { Log } from '../ports/log.js';
import { type StatusReport, textOfReport } from '../../streams/pipelines/status/statusReport.js';
import type { ConnectionRouterOptions, ConnectionRouterStats } from './connectionRouter.js';
import { ConnectionRouter } from './connectionRouter.js';
import { mergedReport } from './mergedReport.js';
import type { FromWorker, ToWorker } from './workerMessages.js';
import { errorOf } from './workerMessages.js';

export interface WorkerGroupOptions {
  readonly workers: number;
  /** To the worker of that shard, together with the memory that memoryOf names. */
  readonly post: (shard: number, message: ToWorker) => void;
  readonly log: Log;
}

/** What the router needs besides what the group knows. */
export type RouteOptions = Omit<ConnectionRouterOptions, 'shardCount' | 'post' | 'inquire' | 'log' | 'failed'>;

/** Something that every worker comes to, once. */
class Milestone {
  /** Emits once when all have come to it, also to those who ask later. */
  readonly reached$: Observable<void>;
  readonly #reached = new ReplaySubject<void>(1);
  #left: number;

  constructor(workers: number) {
    this.#left = workers;
    this.reached$ = this.#reached.asObservable();
  }

  get isReached(): boolean {
    return this.#left === 0;
  }

  reach(): void {
    this.#left -= 1;
    assert(this.#left >= 0, 'a worker comes to everything once');
    if (this.#left > 0) return;
    this.#reached.next();
    this.#reached.complete();
  }
}

export class WorkerGroup {
  /** Sectors ever written, at the start: all are counted once all are ready. */
  sectors = 0;
  readonly #report = new Subject<{ readonly number: number; readonly report: StatusReport }>();
  readonly #milestones: Readonly<Record<'ready' | 'finished' | 'closed', Milestone>>;
  readonly #failed = new ReplaySubject<unknown>(1);
  #router: ConnectionRouter | null = null;
  #inquiryCount = 0;

  constructor(private readonly options: WorkerGroupOptions) {
    const milestone = (): Milestone => new Milestone(options.workers);
    this.#milestones = { ready: milestone(), finished: milestone(), closed: milestone() };
  }

  /** Emits once all stores are open and connections may come. */
  get ready$(): Observable<void> {
    return this.#milestones.ready.reached$;
  }

  /** Emits once all have written what they will. */
  get finished$(): Observable<void> {
    return this.#milestones.finished.reached$;
  }

  /** Emits once all stores are closed. */
  get closed$(): Observable<void> {
    return this.#milestones.closed.reached$;
  }

  get isClosed(): boolean {
    return this.#milestones.closed.isReached;
  }

  /** Emits the errors of those that fail, the last one also to those who ask later. */
  get failed$(): Observable<unknown> {
    return this.#failed.asObservable();
  }

  /** Passes on what comes by connections; once, and not before `ready$`. */
  route(connections$: Observable<Connection>, options: RouteOptions): void {
    assert(this.#router === null, 'a process has one router');
    const { workers, log } = this.options;
    const router = new ConnectionRouter({
      ...options,
      shardCount: workers,
      post: (shard, batch) => {
        this.options.post(shard, { kind: 'batch', batch });
      },
      inquire: (inquiry) => this.#inquire(inquiry),
      log,
      failed: (error) => {
        this.fail(error);
      },
    });
    this.#router = router;
    connections$.subscribe({
      next: (connection) => {
        router.accept(connection);
      },
      error: (error: unknown) => {
        this.fail(error);
      },
    });
  }

  /** null: there is no router yet. */
  stats(): ConnectionRouterStats | null {
    return this.#router?.stats() ?? null;
  }

  /** Whether the log takes what is for debugging. */
  setDebug(isEnabled: boolean): void {
    this.#postAll({ kind: 'debug', isEnabled });
  }

  /** The main thread has failed, or one of them. */
  fail(error: unknown): void {
    this.#failed.next(error);
  }

  /** Ends all in good order: `finished$`, then `closed$`. */
  close(): void {
    this.#postAll({ kind: 'close' });
  }

  /** From the worker of that shard. */
  receive(shard: number, message: FromWorker): void {
    switch (message.kind) {
      case 'batch':
        this.#router?.take(shard, message.batch);
        break;
      case 'report':
        this.#report.next(message);
        break;
      case 'log': {
        const { level, message: text, fields } = message;
        this.options.log[level](text, { ...fields, shard });
        break;
      }
      case 'ready':
        this.sectors += message.sectors;
        this.#milestones.ready.reach();
        break;
      case 'finished':
      case 'closed':
        this.#milestones[message.kind].reach();
        break;
      case 'failed':
        this.fail(errorOf(message));
        break;
      default:
        unreachable(message);
    }
  }

  /** Asks all of them. Emits what they say as one report, and completes. */
  #inquire(inquiry: Inquiry): Observable<string> {
    return defer(() => {
      const number = this.#inquiryCount;
      this.#inquiryCount += 1;
      this.#postAll({ kind: 'inquire', number, inquiry });
      return this.#report.pipe(
        filter((one) => one.number === number),
        take(this.options.workers),
        map(({ report }) => report),
        toArray(),
        map((reports) => textOfReport(mergedReport(reports))),
      );
    });
  }

  #postAll(message: ToWorker): void {
    for (let shard = 0; shard < this.options.workers; shard += 1) this.options.post(shard, message);
  }
}
