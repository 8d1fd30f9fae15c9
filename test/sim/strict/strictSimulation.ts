/**
 * One run of a strict cluster in virtual time: replicas and clients from one seed, what goes wrong, and what has to
 * hold afterwards.
 *
 *   prime ─► users and faults, for so many seconds ─► everything healed: every operation ends ─►
 *   every sector read by every client ─► nothing is asked: the replicas are looked into
 */
import { checkLinearizable } from '../../linearizability/check.js';
import { dice, type Dice } from '../../helpers/seed.js';
import { withoutAmbientTime } from '../ambient.js';
import { Counts } from '../counts.js';
import type { RunOptions, RunResult } from '../run.js';
import { hashText } from '../trace.js';
import { World } from '../world.js';
import { ClientMachine } from './clientMachine.js';
import type { NetworkPart } from './connection.js';
import { Gate } from './gate.js';
import { Paths, type HostNumber } from './paths.js';
import { ReplicaMachine } from './replicaMachine.js';
import { playSchedule, scheduleOf, type Schedule } from './schedules.js';
import { StrictChecks } from './strictChecks.js';
import { StrictInjector } from './strictInjector.js';
import { StrictObservations } from './strictObservations.js';
import { makeStrictPlan, type PlannedStrictFault } from './strictPlan.js';

/** Beside the end of an extent are ranges that end there, and regions differ. */
const HOT_SECTORS = [0, 1, 3, 255, 256, 1_030] as const;
const DISK_SECTORS = 2_048;
const CLIENTS = 4;
const SECOND_US = 1_000_000;
/** With a majority up and undisturbed, every operation ends in so long. */
const LIVENESS_US = 20 * SECOND_US;
const DRAIN_US = 5 * SECOND_US;

export function simulateStrict(options: RunOptions): RunResult {
  const run = new StrictRun(options);
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

class StrictRun {
  readonly world: World;
  private readonly counts = new Counts();
  private readonly observations: StrictObservations;
  private readonly paths: Paths;
  private readonly replicas: ReplicaMachine[] = [];
  private readonly clients: ClientMachine[] = [];
  private readonly checks: StrictChecks;
  private readonly injector: StrictInjector;
  private readonly plan: readonly PlannedStrictFault[];
  /** What is played in place of a plan. */
  private readonly schedule: Schedule | null;
  private readonly gate: Gate | null;
  private lifeCount = 0;

  constructor(private readonly options: RunOptions) {
    const { processCount, seconds } = options;
    this.world = new World(options.isRecording === true);
    const { world, counts, replicas } = this;
    this.paths = new Paths(world, this.dice('paths'));
    this.checks = new StrictChecks(world, replicas);
    const isSeen = options.isBlackBox !== true;
    this.observations = new StrictObservations(world, counts, (sector, value) => {
      if (isSeen) this.checks.onWritten(sector, value);
    });
    for (let rank = 1; rank <= processCount; rank += 1) {
      replicas.push(
        new ReplicaMachine(rank, {
          ...{ world, counts, processCount, paths: this.paths, sectors: DISK_SECTORS },
          dice: (part) => this.dice(part),
          machineOf: (other) => replicas[other - 1],
          onFlushed: (flushedBy, sector) => {
            if (isSeen) this.checks.onFlushed(flushedBy, sector);
          },
          onAnswer: (machine, request, answer) => {
            if (isSeen) this.checks.onAnswer(machine, request, answer);
          },
        }),
      );
    }
    this.schedule = options.schedule === undefined ? null : scheduleOf(options.schedule);
    this.gate = this.schedule === null ? null : new Gate();
    this.makeClients();
    const hostsOfClients = this.clients.map(({ host }) => host);
    const plan = { seconds, processCount, hostsOfClients };
    this.plan = this.schedule === null ? makeStrictPlan(plan, this.dice('plan')) : [];
    this.injector = new StrictInjector({ world, paths: this.paths, counts, replicas, clients: this.clients });
  }

  play(): void {
    const { world } = this;
    for (const replica of this.replicas) replica.boot();
    for (const client of this.clients) {
      client.isResting = this.schedule !== null;
      client.boot();
    }
    if (this.schedule !== null) this.playScript(this.schedule);
    else {
      const { only, seconds } = this.options;
      this.injector.schedule(this.plan.filter(({ number }) => only?.has(number) ?? true));
      world.run(seconds * SECOND_US);
    }
    this.calmDown();
    this.readEverywhere();
    this.lookInside();
    this.judge();
  }

  result(): RunResult {
    return {
      hash: this.world.trace.hash,
      finding: this.world.finding,
      counts: this.counts.byName,
      plan: this.plan,
      lines: this.world.trace.lines,
      seconds: this.world.nowUs / SECOND_US,
    };
  }

  /** Random choices of one part: what another part draws does not change them. */
  private dice(part: string): Dice {
    return dice(hashText(`${this.options.seed} ${part}`));
  }

  private makeClients(): void {
    const { world, paths, counts } = this;
    const { processCount } = this.options;
    const network: NetworkPart = {
      world,
      paths,
      dice: this.dice('network'),
      gate: this.gate,
      onRequest: (client, rank, request) => {
        const { first, count } = request.range;
        counts.add(request.kind);
        world.trace.note(request.kind, rank, first * 512 + count, () => {
          const stamp = 'stamp' in request ? ` stamp ${request.stamp.counter}` : '';
          const origin = 'origin' in request ? ` origin ${request.origin.counter}` : '';
          return `${client} to process ${rank}: sector ${first} count ${count}${stamp}${origin}`;
        });
      },
    };
    for (let number = 1; number <= CLIENTS; number += 1) {
      // Half of them run on the hosts of replicas.
      const host: HostNumber = number % 2 === 0 ? number / 2 : processCount + number;
      this.clients.push(
        new ClientMachine({
          ...{ network, observations: this.observations, number, host },
          servers: this.replicas,
          hotSectors: HOT_SECTORS,
          dice: this.dice(`client ${number}`),
          nextLife: () => (this.lifeCount += 1),
        }),
      );
    }
  }

  private playScript(schedule: Schedule): void {
    const { world, gate, paths, replicas, clients } = this;
    if (gate === null) return;
    // All connections are made.
    world.run(SECOND_US / 2);
    playSchedule(schedule, { world, gate, paths, replicas, clients });
    gate.open();
  }

  private get isIdle(): boolean {
    return this.clients.every(({ busyCount }) => busyCount === 0);
  }

  /** From here on nothing goes wrong, and every operation has to end. */
  private calmDown(): void {
    const { world } = this;
    for (const client of this.clients) client.isResting = true;
    this.injector.heal();
    const isOver = (): boolean => this.isIdle && this.replicas.every(({ isMember }) => isMember);
    this.untilOver('after the last fault', isOver);
    if (world.finding === null) this.checks.checkAll();
  }

  private readEverywhere(): void {
    for (let round = 0; round < 2 && this.world.finding === null; round += 1) {
      for (const client of this.clients) {
        for (const sector of HOT_SECTORS) client.readOnce({ first: sector, count: 1 });
      }
      this.untilOver('in the last reads', () => this.isIdle);
    }
  }

  private untilOver(when: string, isOver: () => boolean): void {
    const { world } = this;
    world.run(world.nowUs + LIVENESS_US, isOver);
    if (world.finding !== null || isOver()) return;
    const waiting = this.clients.filter(({ busyCount }) => busyCount > 0);
    const text = waiting.map(({ name, busyCount }) => `${name} waits for ${busyCount}`).join(', ');
    world.report('liveness', `${LIVENESS_US / SECOND_US} s ${when}: ${text || 'a process is no member'}`);
  }

  private lookInside(): void {
    const { world } = this;
    if (world.finding !== null) return;
    world.run(world.nowUs + DRAIN_US);
    if (this.options.isBlackBox !== true) this.checks.checkAll();
  }

  private judge(): void {
    const history = this.observations.history();
    this.counts.add('operations', history.length);
    this.counts.add('crashes of clients in operations', history.filter(({ crash }) => crash !== undefined).length);
    if (this.world.finding !== null) return;
    const result = checkLinearizable(history);
    if (result.ok) return;
    const [{ text, sector, operations }] = result.violations;
    const times = operations.flatMap(({ invoke, return: end, crash }) => [invoke, end ?? crash ?? invoke]);
    const [fromUs, toUs] = [Math.min(...times) * 1_000, Math.max(...times) * 1_000];
    this.world.report('history', text, { sector, fromUs, toUs });
  }
}
