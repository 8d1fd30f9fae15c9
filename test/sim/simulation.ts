/**
 * One run: a cluster and its users from one seed, what goes wrong, and what has to hold afterwards.
 *
 *   prime ─► users and faults, for so many seconds ─► everything healed: every operation ends ─►
 *   every sector read through every process ─► nothing is asked: nothing is left behind
 */
import type { Stamp } from '../../src/core/stamp.js';
import { checkLinearizable } from '../linearizability/check.js';
import { dice, type Dice } from '../helpers/seed.js';
import type { RunningProcess } from '../../src/startProcess.js';
import { withoutAmbientTime } from './ambient.js';
import { Counts } from './counts.js';
import type { Endpoint } from './endpoint.js';
import { Eavesdropper } from './eavesdropper.js';
import { FaultInjector } from './faultInjector.js';
import { ForeignProcess } from './foreignProcess.js';
import { LibraryUser } from './libraryUser.js';
import { Network } from './network.js';
import { Observations } from './observations.js';
import { endOfLongMs, makePlan, type PlannedFault } from './plan.js';
import type { Member } from './member.js';
import { Promises, stampedIn } from './promises.js';
import { RawUser } from './rawUser.js';
import { SimulatedProcess } from './simulatedProcess.js';
import type { ExtensionUse, Surroundings } from './surroundings.js';
import { describeMessage } from './describeMessage.js';
import type { RunOptions, RunResult } from './run.js';
import { hashText } from './trace.js';
import type { User } from './user.js';
import { wholeMessages } from './wholeMessages.js';
import { World } from './world.js';

const SECTORS = [0, 1, 2, 1_026] as const;
const DISK_SECTORS = 4_096;
const KEYS = { clientKey: Buffer.alloc(32, 0xc1), systemKey: Buffer.alloc(64, 0x5e) };

const LIBRARY_USERS = 2;
const RAW_USERS = 3;
const LOOPS = 3;
const THINK_MS = 60;

/** More often than not processes use it, and some are just being upgraded. */
const EXTENSIONS = ['on', 'on', 'mixed', 'mixed', 'off'] as const;

/** Workers of a process where the seed decides: fewer than this. */
const MIXED_WORKERS_END = 4;

/** In one run in so many a process is foreign. */
const FOREIGN_ONE_IN = 3;
const FOREIGN_USER = 99;

const SECOND_US = 1_000_000;
/** Everybody has to have had an answer by then once nothing goes wrong any more. */
const LIVENESS_US = 120 * SECOND_US;
/** Longer than keep-alive, and than anything is repeated. */
const DRAIN_US = 45 * SECOND_US;

export function simulate(options: RunOptions): RunResult {
  const run = new Run(options);
  withoutAmbientTime(
    () => {
      run.play();
    },
    (what) => {
      run.world.report('ambient', `the code under test uses ${what}`);
    },
  );
  return run.result();
}

class Run {
  readonly world: World;
  private readonly counts = new Counts();
  private readonly observations: Observations;
  private readonly network: Network;
  private readonly promises: Promises;
  private readonly processes: Member[] = [];
  private readonly libraryUsers: LibraryUser[] = [];
  private readonly rawUsers: RawUser[] = [];
  private readonly plan: readonly PlannedFault[];
  private readonly injector: FaultInjector;
  private readonly sent = new Set<string>();
  private readonly extension: ExtensionUse;
  /** Of each process. */
  private readonly workers: number;
  /** The foreign process, or 0. */
  private readonly foreignRank: number;

  constructor(private readonly options: RunOptions) {
    const { processCount, seconds } = options;
    this.world = new World(options.isRecording === true);
    this.observations = new Observations(this.world, this.counts);
    const durable = (sector: number): Stamp[] => this.processes.map((process) => process.durableStamp(sector));
    const latest = (sector: number): Stamp[] => this.processes.map((process) => process.latestStamp(sector));
    const voters = (voting: number, sector: number): number[] =>
      this.processes.filter((one) => one.rank === voting || one.isVoter(sector)).map(({ rank }) => rank);
    const mayBeEarly = (rank: number, sector: number, stamp: Stamp): boolean =>
      this.processes[rank - 1].mayBeEarly(sector, stamp);
    const disks = { durable, latest, voters, mayBeEarly };
    this.promises = new Promises(this.world, processCount, disks);
    const eavesdropper = new Eavesdropper(this.world, () => this.network);
    this.network = new Network(this.world, this.dice('network'), {
      onMessage: (endpoint, written) => {
        for (const message of this.messagesOf(endpoint, written)) {
          eavesdropper.onMessage(endpoint, message);
          this.onMessage(endpoint, message);
        }
      },
    });
    const { workers = 0 } = options;
    this.workers = workers === 'mixed' ? this.dice('workers').below(MIXED_WORKERS_END) : workers;
    this.extension = options.extension ?? this.dice('extension').pick(EXTENSIONS);
    const chance = this.dice('foreign');
    const hasForeign = processCount > 1 && chance.below(FOREIGN_ONE_IN) === 0;
    this.foreignRank = hasForeign ? 1 + chance.below(processCount) : 0;
    this.observations.mayAttemptsComeBack = hasForeign;
    this.makeProcesses();
    this.makeUsers();
    const clients = this.users;
    const { foreignRank } = this;
    const planOptions = {
      seconds,
      processCount,
      clientCount: clients.length,
      stubbornCount: LIBRARY_USERS,
      foreignRank,
    };
    this.plan = makePlan(planOptions, this.dice('plan'));
    const { world, network, counts, processes } = this;
    this.injector = new FaultInjector({
      world,
      network,
      counts,
      dice: this.dice('faults'),
      processes,
      clients,
      eavesdropper,
    });
  }

  /** A router writes at once what a worker has for a connection. */
  private messagesOf({ host, isDialled, actor }: Endpoint, written: Uint8Array): readonly Uint8Array[] {
    const isRouted = !host.isForeign && host.rank > 0 && !isDialled && this.workers > 0;
    if (!isRouted) return [written];
    const messages = wholeMessages(written);
    if (messages === null) this.world.report('threads', `${actor.name} writes pieces of messages`);
    return messages ?? [];
  }

  private onMessage(endpoint: Endpoint, message: Uint8Array): void {
    const { host, other } = endpoint;
    const tag = new DataView(message.buffer, message.byteOffset + message.length - 32, 4);
    this.world.trace.note(
      'send',
      message.length,
      tag.getInt32(0),
      () => `${host.name} to ${other.host.name}: ${describeMessage(message)}`,
    );
    this.countRepetition(endpoint, message);
    stampedIn(message, host.rank, (word) => {
      this.observations.onSent(word, host.rank);
    });
    const isJudged = this.workers === 0 || endpoint.isDialled || host.isForeign;
    if (this.options.isBlackBox !== true && isJudged) this.promises.onMessage(host.rank, other.host.name, message);
  }

  /** The same question or answer to the same host again. */
  private countRepetition({ host, other }: Endpoint, message: Uint8Array): void {
    if (host.rank === 0 || other.host.rank === 0) return;
    const key = `${other.host.name} ${Buffer.from(message.subarray(6, 24)).toString('latin1')}`;
    if (this.sent.has(key)) this.counts.add('messages sent again');
    else this.sent.add(key);
  }

  play(): void {
    const { world } = this;
    for (const process of this.processes) process.boot();
    this.prime();
    for (const user of this.users) user.start();
    const { only, seconds } = this.options;
    const plan = this.plan.filter(({ number }) => only?.has(number) ?? true);
    this.injector.schedule(plan);
    const lastsMs = Math.max(seconds * 1_000, endOfLongMs(plan));
    world.run(world.nowUs + lastsMs * 1_000);
    this.calmDown();
    this.readEverywhere();
    this.lookForRemains();
    this.observations.closeAll();
    this.judge();
  }

  result(): RunResult {
    this.counts.add('operations', this.observations.operations.length);
    if (this.workers > 0) this.counts.add('workers', this.workers * this.options.processCount);
    for (const process of this.processes) {
      if (!(process instanceof SimulatedProcess)) continue;
      for (const { tornCount, lostCount } of process.disks) {
        this.counts.add('torn sectors', tornCount);
        this.counts.add('lost sectors', lostCount);
      }
    }
    return {
      hash: this.world.trace.hash,
      finding: this.world.finding,
      counts: this.counts.byName,
      plan: this.plan,
      lines: this.world.trace.lines,
      seconds: this.world.nowUs / SECOND_US,
    };
  }

  private get users(): readonly User[] {
    return [...this.libraryUsers, ...this.rawUsers];
  }

  /** Random choices of one part: what another part draws does not change them. */
  private dice(part: string): Dice {
    return dice(hashText(`${this.options.seed} ${part}`));
  }

  private makeProcesses(): void {
    const { world, network, counts, observations, extension } = this;
    const { processCount } = this.options;
    const around: Surroundings = {
      world,
      network,
      counts,
      observations,
      keys: KEYS,
      sectors: DISK_SECTORS,
      processCount,
      workers: this.workers,
      extension,
      dice: (part) => this.dice(part),
      onWorkerMessage: (rank, remote, message) => {
        if (this.options.isBlackBox !== true) this.promises.onMessage(rank, remote, message);
      },
      machineOf: (rank) => this.processes[rank - 1],
      isAnyDamaged: () => this.processes.some(({ damagedCount }) => damagedCount > 0),
    };
    for (let rank = 1; rank <= processCount; rank += 1) {
      const random = this.dice(`process ${rank}`);
      this.processes.push(
        rank === this.foreignRank
          ? new ForeignProcess(rank, around, random, FOREIGN_USER, SECTORS)
          : new SimulatedProcess(rank, around, random),
      );
    }
  }

  private makeUsers(): void {
    const { world, network, counts, observations, processes } = this;
    for (let number = 1; number <= LIBRARY_USERS + RAW_USERS; number += 1) {
      const options = {
        world,
        network,
        counts,
        observations,
        keys: KEYS,
        number,
        sectors: SECTORS,
        thinkMs: THINK_MS,
        dice: this.dice(`client ${number}`),
      };
      // Only processes of our own serve clients.
      const machines = processes.filter(({ isForeign }) => !isForeign);
      if (number <= LIBRARY_USERS) {
        this.libraryUsers.push(new LibraryUser({ ...options, machines }, LOOPS));
      } else {
        this.rawUsers.push(new RawUser({ ...options, machines }));
      }
    }
  }

  /** Every sector is written once before anything goes wrong: zeros are a value then. */
  private prime(): void {
    const [user] = this.libraryUsers;
    for (const each of this.libraryUsers) each.connect();
    for (const sector of SECTORS) user.writeOnce(sector);
    this.world.run(LIVENESS_US, () => user.busyCount === 0);
  }

  /** From here on nothing goes wrong, and every operation has to end. */
  private calmDown(): void {
    const { world, processes } = this;
    for (const each of [...this.users, ...processes]) each.isResting = true;
    this.injector.heal();
    const isOver = (): boolean =>
      [...this.users, ...processes].every(({ busyCount }) => busyCount === 0) &&
      processes.every(({ isReady }) => isReady);
    world.run(world.nowUs + LIVENESS_US, isOver);
    if (world.finding !== null || isOver()) return;
    const waiting = [...this.users, ...processes].filter(({ busyCount }) => busyCount > 0);
    const text = waiting.map(({ name, busyCount }) => `${name} waits for ${busyCount}`).join(', ');
    world.report('liveness', `120 s after the last fault ${text || 'a process is not up'}`);
  }

  private readEverywhere(): void {
    const { world } = this;
    if (world.finding !== null) return;
    for (let round = 0; round < this.options.processCount; round += 1) {
      for (const user of this.libraryUsers) for (const sector of SECTORS) user.readOnce(sector);
      const isOver = (): boolean => this.libraryUsers.every(({ busyCount }) => busyCount === 0);
      world.run(world.nowUs + LIVENESS_US, isOver);
      if (!isOver()) world.report('liveness', 'the last reads were not answered in 120 s');
    }
  }

  /** Nothing is asked any more: after a while nothing may be left of what was. */
  private lookForRemains(): void {
    const { world } = this;
    if (this.world.finding !== null) return;
    world.run(world.nowUs + DRAIN_US);
    if (this.options.isBlackBox !== true) {
      // A scrub may be under way, now and then: not for long.
      world.run(world.nowUs + SECOND_US, () => this.remains().length === 0);
      for (const text of this.remains()) world.report('remains', text);
    }
    for (const user of this.users) user.close();
    // It tells what it has to complain of when it ends.
    for (const process of this.processes) if (process.isForeign) process.kill();
    world.run(world.nowUs + 5 * SECOND_US);
    if (this.options.isBlackBox === true) return;
    for (const process of this.processes) {
      if (process instanceof SimulatedProcess) for (const text of process.halfOpen()) world.report('remains', text);
    }
  }

  /** What is left in processes that have nothing to do. */
  private remains(): string[] {
    // A copy that is newer than all others and cannot be read is asked for in vain, ever again.
    const isUnmendable = this.processes.some(({ damagedCount }) => damagedCount > 0);
    return this.processes.flatMap((process) => {
      if (!(process instanceof SimulatedProcess)) return [];
      const left = process.shards.flatMap((shard) => {
        const figures = shard.running?.stats();
        if (figures === undefined) return [];
        const counts = [
          figures.operations,
          figures.registers,
          figures.messages,
          isUnmendable ? 0 : figures.repairs,
          // Nor can it be handed over.
          process.damagedCount > 0 ? 0 : figures.missed,
          isUnmendable ? 0 : questionsOf(figures),
          ...figures.peers.flatMap(({ replies, unsent }) => [replies, unsent]),
        ];
        if (counts.every((count) => count === 0)) return [];
        return [`${shard.name} has nothing to do, but ${JSON.stringify(figures)}`];
      });
      return [...left, ...process.threadRemains()];
    });
  }

  private judge(): void {
    const { world } = this;
    if (world.finding !== null) return;
    const result = checkLinearizable(this.observations.operations);
    if (result.ok) return;
    const [{ sector, operations }] = result.violations;
    const times = operations.flatMap((one) => [one.invoke, one.return ?? one.invoke]);
    world.report('history', result.violations.map(({ text }) => text).join('\n'), {
      sector,
      fromUs: Math.min(...times) * 1_000,
      toUs: Math.max(...times) * 1_000,
    });
  }
}

function questionsOf({ peers }: ReturnType<RunningProcess['stats']>): number {
  return peers.reduce((sum, { questions }) => sum + questions, 0);
}
