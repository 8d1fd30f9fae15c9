/**
 * A process of a simulated cluster: what ships, put together as src/serve does, over a simulated network and disk; with
 * workers (simulatedThreads.ts) or without.
 */
import { Observable, concat, filter, mergeMap } from 'rxjs';
import { LIMITS_DEFAULT, TIMEOUTS_DEFAULT } from '../../config/limits.js';
import type { Rank } from '../../src/core/rank.js';
import type { SectorIndex } from '../../src/core/sector.js';
import type { Stamp } from '../../src/core/stamp.js';
import { AtomicDiskError } from '../../src/errors.js';
import type { Connection } from '../../src/ports/connection.js';
import type { Log } from '../../src/ports/log.js';
import type { Dice } from '../helpers/seed.js';
import type { DiskPart, SimulatedDisk } from '../store/simulatedDisk.js';
import type { Actor } from './actor.js';
import type { Endpoint } from './endpoint.js';
import { Member } from './member.js';
import { SimulatedShard, type LifeOptions } from './simulatedShard.js';
import { SimulatedThreads } from './simulatedThreads.js';
import type { Surroundings } from './surroundings.js';

/** A supervisor starts a process that has ended again after this. */
const RESTART_US_MIN = 100_000;
const RESTART_US_END = 900_000;

export class SimulatedProcess extends Member {
  /** Whether the disk was made to rot, or to fail: then damage is no surprise. */
  mayBeDamaged = false;
  /** Disk operations on that part take so many milliseconds more, at most. */
  readonly diskExtraMs = new Map<DiskPart, number>();
  /** Whom it takes for the process of rank 1, 2, … when it is started next; null: who that is. */
  list: readonly Rank[] | null = null;
  /** One, or one of each worker. */
  readonly shards: readonly SimulatedShard[];
  private threads: SimulatedThreads | null = null;
  private isTaking = false;
  /** Connections that others opened in this life. */
  private accepted: Endpoint[] = [];
  private life = 0;
  private readonly clockOffsetMs: number;
  private readonly threadDice: Dice;

  constructor(
    rank: Rank,
    private readonly around: Surroundings,
    private readonly dice: Dice,
  ) {
    super(around, rank);
    this.clockOffsetMs = dice.below(1_000_000);
    const { workers } = around;
    const common = { owner: this, around, clockOffsetMs: this.clockOffsetMs, diskExtraMs: this.diskExtraMs };
    this.threadDice = around.dice(`threads ${rank}`);
    this.shards =
      workers === 0
        ? [new SimulatedShard({ ...common, shard: null, dice })]
        : Array.from({ length: workers }, (_, index) => {
            const shard = { index, count: workers };
            return new SimulatedShard({ ...common, shard, dice: around.dice(`process ${rank} shard ${index}`) });
          });
  }

  override get isReady(): boolean {
    return this.isTaking;
  }

  get disks(): readonly SimulatedDisk[] {
    return this.shards.map(({ disk }) => disk);
  }

  override get busyCount(): number {
    return this.shards.reduce((sum, { busyCount }) => sum + busyCount, 0);
  }

  override get damagedCount(): number {
    return this.shards.reduce((sum, { damagedCount }) => sum + damagedCount, 0);
  }

  override durableStamp(sector: SectorIndex): Stamp {
    return this.shardOf(sector).durableStamp(sector);
  }

  override latestStamp(sector: SectorIndex): Stamp {
    return this.shardOf(sector).latestStamp(sector);
  }

  override isVoter(sector: SectorIndex): boolean {
    return this.shardOf(sector).isVoter;
  }

  override mayBeEarly(sector: SectorIndex, stamp: Stamp): boolean {
    return this.shardOf(sector).mayBeEarly(stamp);
  }

  /** What is held up between threads although nothing is under way. */
  threadRemains(): string[] {
    return this.threads?.remains() ?? [];
  }

  /** Connections whose other side has ended its half, and which it has not ended. */
  halfOpen(): string[] {
    return this.accepted
      .filter((endpoint) => !endpoint.isOver && endpoint.other.isOver)
      .map(({ remote }) => `${this.name} keeps a connection of ${remote}, which has ended its half`);
  }

  /** To be called while it has no power. @param shards Whose part of the disk is another one. */
  replaceDisk(shards: readonly SimulatedShard[] = this.shards): void {
    for (const shard of shards) shard.replaceDisk();
    this.note('new disk');
  }

  /** Starts the program: the socket first, then the store, then everything else. */
  override boot(): void {
    if (this.isUp) return;
    this.life += 1;
    const actor = this.begin(this.life);
    this.note('boot');
    const connections$ = this.listen();
    const processCount = this.list?.length ?? this.around.processCount;
    const isForeignFolder = processCount !== this.around.processCount && this.shards.some(({ isUsed }) => isUsed);
    if (this.around.workers === 0) this.bootAlone(actor, connections$, isForeignFolder);
    // The superblock of a folder that is in use would not let it start (src/store/superblock.ts).
    else if (!isForeignFolder) this.bootThreads(actor, connections$);
  }

  private bootAlone(actor: Actor, connections$: Observable<Connection>, isForeignFolder: boolean): void {
    const [shard] = this.shards;
    const schedulers = shard.schedulers();
    const log = this.log();
    const error = (failure: unknown): void => {
      this.onFailure(failure);
    };
    const failure$ = shard.open(actor, log, schedulers).pipe(
      filter(() => this.lives(actor) && !isForeignFolder),
      mergeMap((store) => {
        const transport = { connections$, dial: (rank: Rank) => this.dial(rank), trust: () => undefined };
        const running = shard.start(store, this.lifeOptions(), { transport, schedulers, log });
        this.onReady();
        return running.failure$;
      }),
    );
    failure$.subscribe({ error });
  }

  private bootThreads(actor: Actor, connections$: Observable<Connection>): void {
    const { world, onWorkerMessage } = this.around;
    const { shards, clockOffsetMs } = this;
    const threads = new SimulatedThreads({
      ...{ world, owner: this, actor, shards, clockOffsetMs, connections$ },
      dice: this.threadDice,
      life: this.lifeOptions(),
      log: this.log(),
      dial: (rank) => this.dial(rank),
      onMessage: (remote, message) => {
        if (this.lives(actor)) onWorkerMessage(this.rank, remote, message);
      },
    });
    this.threads = threads;
    threads.failed$.subscribe((error) => {
      if (this.lives(actor)) this.onFailure(error);
    });
    threads.ready$.subscribe(() => {
      if (this.lives(actor)) this.onReady();
    });
  }

  private onReady(): void {
    this.isTaking = true;
    this.note('ready');
  }

  /** In good order: no new operations, those under way are finished. */
  override stop(ended: () => void): void {
    const { actor } = this;
    if (!this.isUp || !this.isTaking) return;
    this.note('stop');
    this.listener = null;
    this.close().subscribe({
      complete: () => {
        if (!this.lives(actor)) return;
        this.kill();
        ended();
      },
      error: (error: unknown) => {
        this.onFailure(error);
      },
    });
  }

  private close(): Observable<unknown> {
    const [{ running, store }] = this.shards;
    if (this.threads === null) return concat(...[running?.close() ?? [], store?.close() ?? []]);
    return this.threads.close(() => {
      for (const endpoint of this.accepted) endpoint.end();
    });
  }

  protected override forget(isPowerLost: boolean): void {
    this.threads = null;
    this.isTaking = false;
    this.accepted = [];
    for (const shard of this.shards) shard.forget(isPowerLost);
  }

  private shardOf(sector: SectorIndex): SimulatedShard {
    return this.shards[sector % this.shards.length];
  }

  private note(event: string): void {
    this.around.world.trace.note(event, this.rank, this.life, () => this.name);
  }

  /** Connections, from now on; those that come before the store is open wait. */
  private listen(): Observable<Connection> {
    let waiting: Endpoint[] = [];
    let deliver = (endpoint: Endpoint): void => {
      waiting.push(endpoint);
    };
    this.listener = (endpoint) => {
      this.accepted.push(endpoint);
      deliver(endpoint);
    };
    return new Observable((subscriber) => {
      for (const endpoint of waiting) subscriber.next(endpoint);
      waiting = [];
      deliver = (endpoint) => {
        subscriber.next(endpoint);
      };
    });
  }

  private dial(rank: Rank): Observable<Connection> {
    const { network, machineOf } = this.around;
    return network.dial(this, machineOf(this.list?.[rank - 1] ?? rank), TIMEOUTS_DEFAULT.dialMs);
  }

  private lifeOptions(): LifeOptions {
    const { extension, sectors, keys } = this.around;
    const list = this.list ?? [];
    const processCount = this.list?.length ?? this.around.processCount;
    return {
      config: {
        rank: this.rank,
        processes: Array.from({ length: processCount }, (_, index) => ({ host: `process ${index + 1}`, port: 1 })),
        sectors,
        ...keys,
        members: 'open',
        isExtended: extension === 'mixed' ? this.dice.below(2) === 0 : extension === 'on',
        limits: LIMITS_DEFAULT,
        timeouts: TIMEOUTS_DEFAULT,
      },
      addresses: list.join('').padEnd(16, 'a'),
    };
  }

  /** A failed flush ends the process, as it has to; anything else that does is a fault. */
  private onFailure(error: unknown): void {
    if (!this.isUp) return;
    const isStoreFailure = error instanceof AtomicDiskError && error.code === 'ATDD_STORE_FAILED';
    if (!isStoreFailure || !this.mayBeDamaged) {
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      this.around.world.report('assertion', `${this.name} ended: ${text}`);
      return;
    }
    this.around.counts.add('processes ended by their disk');
    this.kill();
    const afterUs = this.dice.between(RESTART_US_MIN, RESTART_US_END);
    this.around.world.schedule(null, afterUs, () => {
      this.boot();
    });
  }

  private log(): Log {
    const silent = (): void => undefined;
    return {
      debugEnabled: false,
      debug: silent,
      info: (_, fields) => {
        if (fields?.['event'] === 'rebuilt') this.around.counts.add('disks rebuilt');
      },
      warn: silent,
      error: (message, fields) => {
        if (fields?.['event'] === 'sectorDamaged' || fields?.['event'] === 'sectorsLost') {
          this.around.counts.add('damaged sectors noticed');
          if (!this.mayBeDamaged) {
            const told = JSON.stringify(fields);
            this.around.world.report('damage', `${this.name}: ${message} ${told}`);
          }
        }
      },
    };
  }
}
