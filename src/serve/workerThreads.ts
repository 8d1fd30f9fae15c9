/** The threads of a process with workers, seen from its main thread. */
import { Worker } from 'node:worker_threads';
import type { Observable } from 'rxjs';
import { Subject, defer, filter, map, take, toArray } from 'rxjs';
import type { ProcessConfig } from '../../config/load.js';
import { unreachable } from '../core/assert.js';
import type { Inquiry } from '../core/membership/memberMessage.js';
import { AtomicDiskError } from '../errors.js';
import type { Log } from '../ports/log.js';
import type { ThreadBatch } from '../workers/threadBatch.js';
import { mergedReport } from '../workers/mergedReport.js';
import { type StatusReport, textOfReport } from '../../streams/pipelines/status/statusReport.js';
import type { Ending } from './lifecycle.js';
import type { StartState } from './startOptions.js';
import type { FromWorker, ToWorker, WorkerFailure, WorkerStart } from './workerMessages.js';

const PROGRAM = new URL('./workerThread.js', import.meta.url);

/** A point that every worker reaches once. */
class Milestone {
  readonly reached: Promise<void>;
  #left: number;
  #settle: () => void = () => undefined;

  constructor(workers: number) {
    this.#left = workers;
    this.reached = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  reach(): void {
    this.#left -= 1;
    if (this.#left === 0) this.#settle();
  }
}

export class WorkerThreads {
  /** All stores are open. */
  readonly ready: Promise<void>;
  /** All have written their last bytes. */
  readonly finished: Promise<void>;
  readonly closed: Promise<void>;
  /** Resolves with the error of the first one that fails. */
  readonly failed: Promise<Ending>;
  /** Sectors ever written, at the start. */
  sectors = 0;
  readonly #threads: readonly Worker[];
  readonly #report = new Subject<{ readonly number: number; readonly report: StatusReport }>();
  readonly #milestones: Readonly<Record<'ready' | 'finished' | 'closed', Milestone>>;
  #settleFailed: (error: unknown) => void = () => undefined;
  #isClosed = false;
  #inquiryCount = 0;
  #take: (shard: number, batch: ThreadBatch) => void = () => undefined;

  constructor(
    private readonly config: ProcessConfig,
    private readonly state: StartState,
    private readonly log: Log,
  ) {
    const { workers } = config;
    const milestone = (): Milestone => new Milestone(workers);
    const milestones = { ready: milestone(), finished: milestone(), closed: milestone() };
    this.#milestones = milestones;
    this.ready = milestones.ready.reached;
    this.finished = milestones.finished.reached;
    this.closed = milestones.closed.reached.then(() => {
      this.#isClosed = true;
    });
    this.failed = new Promise((resolve) => {
      this.#settleFailed = (error) => {
        resolve({ kind: 'failed', error });
      };
    });
    this.#threads = Array.from({ length: workers }, (_, index) => this.#start(index));
  }

  /** `take` receives the bytes that workers write to connections. */
  onBatch(take: (shard: number, batch: ThreadBatch) => void): void {
    this.#take = take;
  }

  postBatch(shard: number, batch: ThreadBatch): void {
    const message: ToWorker = { kind: 'batch', batch };
    this.#threads[shard].postMessage(message, [batch.memory]);
  }

  /** Asks all workers. Emits their reports, merged into one, as text, and completes. */
  inquire(inquiry: Inquiry): Observable<string> {
    return defer(() => {
      const number = this.#inquiryCount;
      this.#inquiryCount += 1;
      this.#postAll({ kind: 'inquire', number, inquiry });
      return this.#report.pipe(
        filter((one) => one.number === number),
        take(this.#threads.length),
        map(({ report }) => report),
        toArray(),
        map((reports) => textOfReport(mergedReport(reports))),
      );
    });
  }

  /** Tells the workers whether the log takes lines of the level debug. */
  setDebug(isEnabled: boolean): void {
    this.#postAll({ kind: 'debug', isEnabled });
  }

  /** The main thread has failed, or one of them. */
  fail(error: unknown): void {
    this.#settleFailed(error);
  }

  close(): void {
    this.#postAll({ kind: 'close' });
  }

  #postAll(message: ToWorker): void {
    for (const thread of this.#threads) thread.postMessage(message);
  }

  #start(index: number): Worker {
    const shard = { index, count: this.config.workers };
    const start: WorkerStart = { config: this.config, shard, state: this.state };
    const thread = new Worker(PROGRAM, { workerData: start, name: `atdd shard ${index}` });
    thread.on('message', (message: FromWorker) => {
      this.#receive(index, message);
    });
    thread.on('error', (error) => {
      this.fail(error);
    });
    thread.on('exit', (code) => {
      if (!this.#isClosed) this.fail(new Error(`worker ${index} ended, code ${code}`));
    });
    return thread;
  }

  #receive(shard: number, message: FromWorker): void {
    switch (message.kind) {
      case 'batch':
        this.#take(shard, message.batch);
        break;
      case 'report':
        this.#report.next(message);
        break;
      case 'log': {
        const { level, message: text, fields } = message;
        this.log[level](text, { ...fields, shard });
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
}

function errorOf({ code, message, stack }: WorkerFailure): Error {
  if (code !== null) return new AtomicDiskError(code, message);
  const error = new Error(message);
  if (stack !== undefined) error.stack = stack;
  return error;
}
