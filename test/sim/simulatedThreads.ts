/**
 * The threads of one life of a simulated process with workers, put together from src/workers as src/serve does with
 * real ones. What one thread posts to another arrives in order, after a time that the seed draws; the memory that goes
 * with it is the receiver's alone.
 */
import type { Observable } from 'rxjs';
import { map, switchMap, take, tap } from 'rxjs';
import type { Rank } from '../../src/core/rank.js';
import type { Shard } from '../../src/core/shard.js';
import type { Connection, Transport } from '../../src/ports/connection.js';
import type { Log } from '../../src/ports/log.js';
import { routeOptions } from '../../src/serve/startOptions.js';
import { createTagger } from '../../src/wire/tag.js';
import type { Worker } from '../../src/workers/startWorker.js';
import { startWorker, workerLog } from '../../src/workers/startWorker.js';
import { TAKEN_STEP_BYTES } from '../../src/workers/threadBatch.js';
import { WorkerGroup } from '../../src/workers/workerGroup.js';
import type { FromWorker, ToWorker } from '../../src/workers/workerMessages.js';
import { failureOf, memoryOf } from '../../src/workers/workerMessages.js';
import type { Dice } from '../helpers/seed.js';
import type { Actor } from './actor.js';
import type { Member } from './member.js';
import { schedulersOf } from './schedulers.js';
import type { LifeOptions, SimulatedShard } from './simulatedShard.js';
import type { World } from './world.js';

/** What another thread is told arrives within this, mostly … */
const THREAD_US_MIN = 2;
const THREAD_US_END = 60;
/** … but one in so many times the thread is busy with something else. */
const BUSY_ONE_IN = 200;
const BUSY_US_END = 20_000;

export interface ThreadsOptions {
  readonly world: World;
  readonly owner: Member;
  readonly actor: Actor;
  readonly dice: Dice;
  readonly shards: readonly SimulatedShard[];
  readonly life: LifeOptions;
  /** Of the main thread. */
  readonly clockOffsetMs: number;
  readonly log: Log;
  readonly dial: (rank: Rank) => Observable<Connection>;
  /** Connections that others open. */
  readonly connections$: Observable<Connection>;
  /** A worker hands over one whole message for a connection that another side opened. */
  readonly onMessage: (remote: string, message: Uint8Array) => void;
}

/** One direction between two threads. */
class ThreadChannel<T extends ToWorker | FromWorker> {
  /** Sent, and not delivered. */
  private readonly waiting: T[] = [];
  private lastUs = 0;
  private receiver: ((message: T) => void) | null = null;
  private heldCount = 0;

  constructor(private readonly options: Pick<ThreadsOptions, 'world' | 'owner' | 'actor' | 'dice'>) {}

  post(message: T): void {
    const { world, owner, actor, dice } = this.options;
    // A crash may come here, with what was posted before and nothing after it.
    if (!owner.step(actor)) return;
    this.waiting.push(structuredClone(message, { transfer: memoryOf(message) }));
    const isBusy = dice.below(BUSY_ONE_IN) === 0;
    const delayUs = dice.between(THREAD_US_MIN, isBusy ? BUSY_US_END : THREAD_US_END);
    this.lastUs = Math.max(this.lastUs, world.nowUs + delayUs);
    world.schedule(actor, this.lastUs - world.nowUs, () => {
      this.heldCount += 1;
      this.deliver();
    });
  }

  /** What came before waits, as in the ports of threads. */
  receive(receiver: (message: T) => void): void {
    this.receiver = receiver;
    this.deliver();
  }

  private deliver(): void {
    while (this.receiver !== null && this.heldCount > 0) {
      const message = this.waiting.shift();
      this.heldCount -= 1;
      if (message !== undefined) this.receiver(message);
    }
  }
}

export class SimulatedThreads {
  /** Emits the error of what fails. */
  readonly failed$: Observable<unknown>;
  /** Emits once connections are taken. */
  readonly ready$: Observable<void>;
  private readonly group: WorkerGroup;
  private readonly toWorkers: readonly ThreadChannel<ToWorker>[];
  private readonly workers: Worker[] = [];

  constructor(private readonly options: ThreadsOptions) {
    const { shards, log } = options;
    this.toWorkers = shards.map(() => new ThreadChannel(options));
    this.group = new WorkerGroup({
      workers: shards.length,
      post: (shard, message) => {
        this.toWorkers[shard].post(message);
      },
      log,
    });
    this.failed$ = this.group.failed$.pipe(take(1));
    this.ready$ = this.group.ready$.pipe(
      map(() => {
        this.route();
      }),
    );
    shards.forEach((shard, index) => {
      this.startThread(shard, { index, count: shards.length });
    });
  }

  /** SIGTERM. @param endAll Ends what others opened. Emits once all stores are closed. */
  close(endAll: () => void): Observable<void> {
    this.group.close();
    return this.group.finished$.pipe(
      tap(endAll),
      switchMap(() => this.group.closed$),
    );
  }

  /** What is held up although nothing is under way. */
  remains(): string[] {
    const router = this.group.stats();
    if (router === null) return [];
    const workers = this.workers.map((worker) => worker.stats());
    const isQuiet =
      router.paused === 0 &&
      router.inquiries === 0 &&
      router.sentBytesMax < TAKEN_STEP_BYTES &&
      router.writtenBytesMax < TAKEN_STEP_BYTES &&
      workers.every(
        ({ connections, waitingBytesMax, bufferedBytesMax }) =>
          connections <= router.connections && waitingBytesMax === 0 && bufferedBytesMax < TAKEN_STEP_BYTES,
      );
    if (isQuiet) return [];
    return [`${this.options.owner.name} holds up ${JSON.stringify({ router, workers })}`];
  }

  private route(): void {
    const { world, actor, dice, life, clockOffsetMs, connections$ } = this.options;
    this.group.route(connections$, {
      ...routeOptions(life.config),
      trust: () => undefined,
      turn: schedulersOf(world, actor, dice, clockOffsetMs).turn,
    });
  }

  private startThread(simulated: SimulatedShard, shard: Shard): void {
    const { owner, actor, life, dial, onMessage } = this.options;
    const { config } = life;
    const toMain = new ThreadChannel<FromWorker>(this.options);
    toMain.receive((message) => {
      this.group.receive(shard.index, message);
    });
    const post = (message: FromWorker): void => {
      toMain.post(message);
    };
    const schedulers = simulated.schedulers();
    const log = workerLog(post, false);
    simulated.open(actor, log, schedulers).subscribe({
      next: (store) => {
        if (!owner.lives(actor)) return;
        const worker = startWorker({
          rank: config.rank,
          shard,
          systemTagger: createTagger(config.systemKey),
          store,
          dial,
          start: (transport) =>
            simulated.start(store, life, { transport: overheard(transport, onMessage), schedulers, log }),
          post,
          log,
          turn: schedulers.turn,
          soon: schedulers.clock,
        });
        this.workers.push(worker);
        this.toWorkers[shard.index].receive((message) => {
          worker.receive(message);
        });
      },
      error: (error: unknown) => {
        post(failureOf(error));
      },
    });
  }
}

/** What a worker writes promises something from then on, whenever the main thread comes to send it. */
function overheard(transport: Transport, onMessage: ThreadsOptions['onMessage']): Transport {
  const inner = new WeakMap<Connection, Connection>();
  return {
    connections$: transport.connections$.pipe(
      map((connection) => {
        const { remote, bytes$, closed$, drained$ } = connection;
        const outer: Connection = {
          ...{ remote, bytes$, closed$, drained$ },
          get bufferedBytes() {
            return connection.bufferedBytes;
          },
          write: (chunks) => {
            for (const chunk of chunks) onMessage(remote, chunk);
            connection.write(chunks);
          },
          pause: () => {
            connection.pause();
          },
          resume: () => {
            connection.resume();
          },
          end: () => {
            connection.end();
          },
          destroy: () => {
            connection.destroy();
          },
        };
        inner.set(outer, connection);
        return outer;
      }),
    ),
    dial: (rank) => transport.dial(rank),
    trust: (connection) => {
      transport.trust(inner.get(connection) ?? connection);
    },
  };
}
