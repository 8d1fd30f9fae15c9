/**
 * A process of a simulated cluster: the production pipelines, registers, links and store, put together as
 * src/serve/serve.ts does, over a simulated network and disk.
 */
import { Observable, concat, defer, tap } from 'rxjs';
import {
  BAD_TAG_PENALTY_MS,
  CLIENT_BUFFER_BYTES,
  FETCH_MS,
  FULL_RETRY_MS,
  GRACE_MS,
  LIMITS_DEFAULT,
  LINK_BUFFER_BYTES,
  LINK_REPLIES_WAITING,
  LINK_SILENT_MS,
  MISSED_CHUNKS,
  PROCESS_MESSAGES_PER_CONNECTION,
  REPAIR_LIMITS,
  STORE_BATCH_SECTORS,
  STRIPES,
  TIMEOUTS_DEFAULT,
} from '../../config/limits.js';
import type { Rank } from '../../src/core/rank.js';
import type { SectorIndex } from '../../src/core/sector.js';
import { STAMP_INITIAL, compareStamps, type Stamp } from '../../src/core/stamp.js';
import { AtomicDiskError } from '../../src/errors.js';
import type { Connection, Transport } from '../../src/ports/connection.js';
import type { Log } from '../../src/ports/log.js';
import type { Random } from '../../src/ports/random.js';
import type { Schedulers } from '../../src/ports/schedulers.js';
import type { SectorStore } from '../../src/ports/store.js';
import type { ProcessOptions, RunningProcess } from '../../src/startProcess.js';
import { startProcess } from '../../src/startProcess.js';
import type { OpenedSectorStore } from '../../src/store/openSectorStore.js';
import { openSectorStore } from '../../src/store/openSectorStore.js';
import { dice as diceOf, type Dice } from '../helpers/seed.js';
import { DISK_PARTS, SimulatedDisk, type DiskPart } from '../store/simulatedDisk.js';
import type { Endpoint } from './endpoint.js';
import { Member } from './member.js';
import type { Surroundings } from './surroundings.js';
import { schedulersOf } from './schedulers.js';
import { nameOfSector, ZEROS } from './sectorName.js';

const LIMITS: ProcessOptions['limits'] = {
  operations: LIMITS_DEFAULT.operations,
  operationsPerConnection: LIMITS_DEFAULT.operationsPerConnection,
  processMessagesPerConnection: PROCESS_MESSAGES_PER_CONNECTION,
  clientBufferBytes: CLIENT_BUFFER_BYTES,
  linkBufferBytes: LINK_BUFFER_BYTES,
  linkReplies: LINK_REPLIES_WAITING,
  stripes: STRIPES,
  missedChunks: MISSED_CHUNKS,
};

/** Scrubs come while a run lasts. */
const REPAIR: ProcessOptions['repair'] = {
  ...REPAIR_LIMITS,
  scrubSectorsPerSecond: LIMITS_DEFAULT.scrubSectorsPerSecond,
  scrubPauseMs: 2_000,
};

const TIMEOUTS: ProcessOptions['timeouts'] = {
  ...TIMEOUTS_DEFAULT,
  badTagPenaltyMs: BAD_TAG_PENALTY_MS,
  fullRetryMs: FULL_RETRY_MS,
  linkSilentMs: LINK_SILENT_MS,
  graceMs: GRACE_MS,
  fetchMs: FETCH_MS,
};

/** A supervisor starts a process that has ended again after this. */
const RESTART_US_MIN = 100_000;
const RESTART_US_END = 900_000;
/** Of a good disk, in microseconds; most operations take a tenth of the upper end … */
const DISK_US_MIN = 40;
const DISK_US_END = 6_000;
/** … and one in so many takes long: others of its part, or of the other parts, go on meanwhile. */
const LONG_ONE_IN = 300;
const LONG_US_END = 700_000;

export class SimulatedProcess extends Member {
  readonly disk: SimulatedDisk;
  /** Whether the disk was made to rot, or to fail: then damage is no surprise. */
  mayBeDamaged = false;
  /** Disk operations on that part take so many milliseconds more, at most. */
  readonly diskExtraMs = new Map<DiskPart, number>();
  /** What the delays of each part are drawn from: none depends on what the others do. */
  private readonly diskDice: ReadonlyMap<DiskPart, Dice>;
  /** Whom it takes for the process of rank 1, 2, … when it is started next; null: who that is. */
  list: readonly Rank[] | null = null;
  running: RunningProcess | null = null;
  private store: OpenedSectorStore | null = null;
  private life = 0;
  /** What its former disks held. */
  private readonly lost = new Map<SectorIndex, Stamp>();
  private readonly clockOffsetMs: number;

  constructor(
    rank: Rank,
    private readonly around: Surroundings,
    private readonly dice: Dice,
  ) {
    super(around, rank);
    this.clockOffsetMs = dice.below(1_000_000);
    // Its own time is used between lives only, when nothing is under way.
    this.disk = new SimulatedDisk(dice, this.schedulers().clock);
    this.disk.isTraced = false;
    this.diskDice = new Map(DISK_PARTS.map((part) => [part, diceOf(dice.below(2 ** 32))]));
    this.disk.delayMs = (part) => this.diskDelayMs(part);
    this.disk.onTrace = (line) => {
      const number = 'slot' in line ? line.slot : 0;
      around.world.trace.note('disk', rank, number, () => `${this.name}: ${JSON.stringify(line)}`);
    };
  }

  override get isReady(): boolean {
    return this.running !== null;
  }

  /** What it still has to do before there are as many copies as there can be. */
  override get busyCount(): number {
    if (this.running === null) return 0;
    const { memberState, missed } = this.running.stats();
    // What somebody cannot give back, and nobody else has, cannot be handed over either.
    return (memberState === 'member' ? 0 : 1) + (this.around.isAnyDamaged() ? 0 : missed);
  }

  override durableStamp(sector: SectorIndex): Stamp {
    return this.disk.stampAfterCrash(sector);
  }

  override get isVoter(): boolean {
    const bytes = this.disk.note('identity');
    return bytes !== undefined && Buffer.from(bytes).toString().includes('"standing":"member"');
  }

  override mayBeEarly({ timestamp }: Stamp): boolean {
    const bytes = this.disk.note('life');
    if (bytes === undefined) return false;
    // Of this life, or of one before it that others hand on.
    const life = timestamp & 0xffffn;
    return life > 0n && life <= BigInt(Buffer.from(bytes).toString());
  }

  override get damagedCount(): number {
    return this.store?.counts().damaged ?? 0;
  }

  override latestStamp(sector: SectorIndex): Stamp {
    const now = this.durableStamp(sector);
    const before = this.lost.get(sector) ?? STAMP_INITIAL;
    return compareStamps(now, before) > 0 ? now : before;
  }

  /** To be called while it has no power. */
  replaceDisk(): void {
    for (const { sector } of this.disk.records) this.lost.set(sector, this.latestStamp(sector));
    this.disk.replace();
    this.note('new disk');
  }

  /** Starts the program: the socket first, then the store, then everything else. */
  override boot(): void {
    if (this.isUp) return;
    this.life += 1;
    const actor = this.begin(this.life);
    this.note('boot');
    const schedulers = this.schedulers();
    const accepted$ = this.listen();
    const { slotFile, metadata } = this.disk.attach({
      scheduler: schedulers.clock,
      step: () => this.step(actor),
    });
    const batchSectors = STORE_BATCH_SECTORS;
    openSectorStore({ slotFile, metadata, schedulers, log: this.log(), batchSectors }).subscribe({
      next: (store) => {
        if (!this.lives(actor)) return;
        this.store = store;
        this.start(store, accepted$, schedulers);
      },
      error: (error: unknown) => {
        this.onFailure(error);
      },
    });
  }

  /** In good order: no new operations, those under way are finished. */
  override stop(ended: () => void): void {
    const { running, store, actor } = this;
    if (!this.isUp || running === null || store === null) return;
    this.note('stop');
    this.listener = null;
    concat(running.close(), store.close()).subscribe({
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

  protected override forget(isPowerLost: boolean): void {
    this.running = null;
    this.store = null;
    if (isPowerLost) this.disk.crash();
    else this.disk.kill();
  }

  private note(event: string): void {
    this.around.world.trace.note(event, this.rank, this.life, () => this.name);
  }

  private schedulers(): Schedulers {
    return schedulersOf(this.around.world, this.actor, this.dice, this.clockOffsetMs);
  }

  /** Connections, from now on; those that come before the store is open wait. */
  private listen(): Observable<Connection> {
    let waiting: Endpoint[] = [];
    let deliver = (endpoint: Endpoint): void => {
      waiting.push(endpoint);
    };
    this.listener = (endpoint) => {
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

  private start(store: OpenedSectorStore, connections$: Observable<Connection>, schedulers: Schedulers): void {
    const { network, machineOf, sectors, keys, extension } = this.around;
    const { list } = this;
    const processCount = list?.length ?? this.around.processCount;
    const identity = this.disk.note('identity');
    const isUsed = identity !== undefined && !Buffer.from(identity).toString().includes('"fresh"');
    // The superblock of a folder that is in use would not let it start (src/store/superblock.ts).
    if (isUsed && processCount !== this.around.processCount) return;
    const transport: Transport = {
      connections$,
      dial: (rank) => network.dial(this, machineOf(list?.[rank - 1] ?? rank), TIMEOUTS_DEFAULT.dialMs),
      trust: () => undefined,
    };
    const options = {
      rank: this.rank,
      processCount,
      sectors,
      ...keys,
      addresses: (list ?? []).join('').padEnd(16, 'a'),
      isFounder: false,
      wasInUse: false,
      isExtended: extension === 'mixed' ? this.dice.below(2) === 0 : extension === 'on',
      limits: LIMITS,
      repair: REPAIR,
      timeouts: TIMEOUTS,
    };
    const ports = {
      transport,
      store: this.watched(store),
      notes: store.notes,
      schedulers,
      random: this.random(),
      log: this.log(),
    };
    this.running = startProcess(options, ports);
    this.running.failure$.subscribe({
      error: (error: unknown) => {
        this.onFailure(error);
      },
    });
    this.note('ready');
  }

  /** The store, and what this process's own writes get as stamps in it. */
  private watched(store: OpenedSectorStore): SectorStore {
    const { observations, counts } = this.around;
    return {
      stampOf: (sector) => store.stampOf(sector),
      isDamaged: (sector) => store.isDamaged(sector),
      load: (sector) => store.load(sector),
      list: (from, limit) => store.list(from, limit),
      runs: (range) => store.runs(range),
      counts: () => store.counts(),
      put: (sector, stamp, data) =>
        defer(() => {
          const word = stamp.writeRank === this.rank ? nameOfSector(data) : ZEROS;
          observations.onStamped(word, this.rank);
          return store.put(sector, stamp, data).pipe(
            tap((outcome) => {
              if (outcome === 'stored') return;
              counts.add('puts that found no room');
              observations.onStampForgotten(word);
            }),
          );
        }),
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

  private random(): Random {
    const { dice } = this;
    const byte = (): string => String.fromCharCode(dice.below(256));
    return {
      operationId: () => Array.from({ length: 16 }, byte).join(''),
      fraction: () => dice.below(2 ** 30) / 2 ** 30,
    };
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

  private diskDelayMs(part: DiskPart): number {
    const dice = this.diskDice.get(part) ?? this.dice;
    const isLong = dice.below(LONG_ONE_IN) === 0;
    const endUs = dice.below(4) === 0 ? DISK_US_END : DISK_US_END / 10;
    const extraMs = this.diskExtraMs.get(part) ?? 0;
    const extraUs = isLong ? dice.below(LONG_US_END) : dice.below(extraMs * 1_000);
    return (dice.between(DISK_US_MIN, endUs) + extraUs) / 1_000;
  }
}
