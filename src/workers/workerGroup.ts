/**
 * The workers of a process as its main thread sees them, without the threads that they run in. It sends them messages,
 * merges their reports, and knows how far they have come. If a worker fails, the process stops with the same error.
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

/** The options of the router that the group does not set itself. */
export type RouteOptions = Omit<ConnectionRouterOptions, 'shardCount' | 'post' | 'inquire' | 'log' | 'failed'>;

/** A step that every worker takes once. */
class Milestone {
  /** Emits once when all workers have taken the step, also to late subscribers. */
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
  /** Number of sectors that were ever written, as of the start; complete after `ready$`. */
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

  /** Emits once no worker writes to connections any more. */
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

  /** Emits the errors of workers that fail; late subscribers get the last one. */
  get failed$(): Observable<unknown> {
    return this.#failed.asObservable();
  }

  /** Routes the messages of these connections to the workers. Call it once, and not before `ready$`. */
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

  /** Switches the debug lines of all workers. */
  setDebug(isEnabled: boolean): void {
    this.#postAll({ kind: 'debug', isEnabled });
  }

  /** The main thread or a worker has failed. */
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

  /** Asks all workers. Emits their reports merged into one, as text, and completes. */
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
