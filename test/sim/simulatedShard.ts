/**
 * What a simulated process has for the sectors of one shard, or for all of them: a disk, and in each life a store and
 * the production pipelines, registers and links, put together as src/serve does.
 */
import type { Observable } from 'rxjs';
import { defer, tap } from 'rxjs';
import { STORE_BATCH_SECTORS } from '../../config/limits.js';
import type { SectorIndex } from '../../src/core/sector.js';
import type { Shard } from '../../src/core/shard.js';
import { isOfShard } from '../../src/core/shard.js';
import { STAMP_INITIAL, compareStamps, type Stamp } from '../../src/core/stamp.js';
import type { Log } from '../../src/ports/log.js';
import type { Random } from '../../src/ports/random.js';
import type { Schedulers } from '../../src/ports/schedulers.js';
import type { SectorStore } from '../../src/ports/store.js';
import { startOptions } from '../../src/serve/startOptions.js';
import type { RunConfig } from '../../src/serve/startOptions.js';
import type { RunningProcess, StartPorts } from '../../src/startProcess.js';
import { startProcess } from '../../src/startProcess.js';
import type { OpenedSectorStore } from '../../src/store/openSectorStore.js';
import { openSectorStore } from '../../src/store/openSectorStore.js';
import { dice as diceOf, type Dice } from '../helpers/seed.js';
import { DISK_PARTS, SimulatedDisk, type DiskPart } from '../store/simulatedDisk.js';
import type { Actor } from './actor.js';
import type { Member } from './member.js';
import { schedulersOf } from './schedulers.js';
import { nameOfSector, ZEROS } from './sectorName.js';
import type { Surroundings } from './surroundings.js';

/** Of a good disk, in microseconds; most operations take a tenth of the upper end … */
const DISK_US_MIN = 40;
const DISK_US_END = 6_000;
/** … and one in so many takes long: others of its part, or of the other parts, go on meanwhile. */
const LONG_ONE_IN = 300;
const LONG_US_END = 700_000;

/** Scrubs come while a run lasts. */
const SCRUB_PAUSE_MS = 2_000;

export interface ShardOptions {
  /** null: the process has no workers. */
  readonly shard: Shard | null;
  readonly owner: Member;
  readonly around: Surroundings;
  readonly dice: Dice;
  readonly clockOffsetMs: number;
  /** Disk operations on that part take so many milliseconds more, at most. */
  readonly diskExtraMs: ReadonlyMap<DiskPart, number>;
}

/** How a life of a process is configured. */
export interface LifeOptions {
  readonly config: RunConfig;
  /** Stands for the digest of the list of addresses. */
  readonly addresses: string;
}

export class SimulatedShard {
  readonly disk: SimulatedDisk;
  running: RunningProcess | null = null;
  store: OpenedSectorStore | null = null;
  readonly name: string;
  /** What the delays of each part are drawn from: none depends on what the others do. */
  private readonly diskDice: ReadonlyMap<DiskPart, Dice>;
  /** What its former disks held. */
  private readonly lost = new Map<SectorIndex, Stamp>();

  constructor(private readonly options: ShardOptions) {
    const { owner, around, dice, shard } = options;
    this.name = shard === null ? owner.name : `${owner.name}, shard ${shard.index}`;
    // Its own time is used between lives only, when nothing is under way.
    this.disk = new SimulatedDisk(dice, this.schedulers().clock);
    this.disk.isTraced = false;
    this.diskDice = new Map(DISK_PARTS.map((part) => [part, diceOf(dice.below(2 ** 32))]));
    this.disk.delayMs = (part) => this.diskDelayMs(part);
    this.disk.onTrace = (line) => {
      const number = 'slot' in line ? line.slot : 0;
      around.world.trace.note('disk', owner.rank, number, () => `${this.name}: ${JSON.stringify(line)}`);
    };
  }

  /** Whose clock and turns belong to the present life of the process. */
  schedulers(): Schedulers {
    const { around, owner, dice, clockOffsetMs } = this.options;
    return schedulersOf(around.world, owner.actor, dice, clockOffsetMs);
  }

  get isVoter(): boolean {
    return this.identity.includes('"standing":"member"');
  }

  /** Whether its disk belongs to a cluster: its superblock holds what that needs. */
  get isUsed(): boolean {
    return this.identity !== '' && !this.identity.includes('"fresh"');
  }

  private get identity(): string {
    return Buffer.from(this.disk.note('identity') ?? []).toString();
  }

  mayBeEarly({ timestamp }: Stamp): boolean {
    const bytes = this.disk.note('life');
    if (bytes === undefined) return false;
    // Of this life, or of one before it that others hand on.
    const life = timestamp & 0xffffn;
    return life > 0n && life <= BigInt(Buffer.from(bytes).toString());
  }

  /** What it still has to do before there are as many copies as there can be. */
  get busyCount(): number {
    if (this.running === null) return 0;
    const { memberState, missed } = this.running.stats();
    // What somebody cannot give back, and nobody else has, cannot be handed over either.
    return (memberState === 'member' ? 0 : 1) + (this.options.around.isAnyDamaged() ? 0 : missed);
  }

  get damagedCount(): number {
    return this.store?.counts().damaged ?? 0;
  }

  durableStamp(sector: SectorIndex): Stamp {
    return this.disk.stampAfterCrash(sector);
  }

  /** The newest that any of its disks has held. */
  latestStamp(sector: SectorIndex): Stamp {
    const now = this.durableStamp(sector);
    const before = this.lost.get(sector) ?? STAMP_INITIAL;
    return compareStamps(now, before) > 0 ? now : before;
  }

  /** To be called while it has no power. */
  replaceDisk(): void {
    for (const { sector } of this.disk.records) this.lost.set(sector, this.latestStamp(sector));
    this.disk.replace();
  }

  forget(isPowerLost: boolean): void {
    this.running = null;
    this.store = null;
    if (isPowerLost) this.disk.crash();
    else this.disk.kill();
  }

  open(actor: Actor, log: Log, schedulers: Schedulers): Observable<OpenedSectorStore> {
    const { slotFile, metadata } = this.disk.attach({
      scheduler: schedulers.clock,
      step: () => this.options.owner.step(actor),
    });
    return openSectorStore({ slotFile, metadata, schedulers, log, batchSectors: STORE_BATCH_SECTORS });
  }

  start(
    store: OpenedSectorStore,
    { config, addresses }: LifeOptions,
    { transport, schedulers, log }: Pick<StartPorts, 'transport' | 'schedulers' | 'log'>,
  ): RunningProcess {
    const options = startOptions(config, this.options.shard, { isFounder: false, wasInUse: false });
    const repair = { ...options.repair, scrubPauseMs: SCRUB_PAUSE_MS };
    const running = startProcess(
      { ...options, addresses, repair },
      {
        transport,
        store: this.watched(store),
        notes: store.notes,
        schedulers,
        random: this.random(),
        log,
      },
    );
    this.store = store;
    this.running = running;
    return running;
  }

  /** The store, and what this process's own writes get as stamps in it. */
  private watched(store: OpenedSectorStore): SectorStore {
    const { around, owner, shard } = this.options;
    const { observations, counts, world } = around;
    return {
      stampOf: (sector) => store.stampOf(sector),
      isDamaged: (sector) => store.isDamaged(sector),
      load: (sector) => store.load(sector),
      list: (from, limit) => store.list(from, limit),
      runs: (range) => store.runs(range),
      counts: () => store.counts(),
      put: (sector, stamp, data) =>
        defer(() => {
          if (shard !== null && !isOfShard(sector, shard)) {
            world.report('shards', `${this.name} stores sector ${sector}, which is another's`);
          }
          const word = stamp.writeRank === owner.rank ? nameOfSector(data) : ZEROS;
          observations.onStamped(word, owner.rank);
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

  private random(): Random {
    const { dice } = this.options;
    const byte = (): string => String.fromCharCode(dice.below(256));
    return {
      operationId: () => Array.from({ length: 16 }, byte).join(''),
      fraction: () => dice.below(2 ** 30) / 2 ** 30,
    };
  }

  private diskDelayMs(part: DiskPart): number {
    const dice = this.diskDice.get(part) ?? this.options.dice;
    const isLong = dice.below(LONG_ONE_IN) === 0;
    const endUs = dice.below(4) === 0 ? DISK_US_END : DISK_US_END / 10;
    const extraMs = this.options.diskExtraMs.get(part) ?? 0;
    const extraUs = isLong ? dice.below(LONG_US_END) : dice.below(extraMs * 1_000);
    return (dice.between(DISK_US_MIN, endUs) + extraUs) / 1_000;
  }
}
