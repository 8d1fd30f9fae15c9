/** Carries out the plan of a run of a strict cluster. */
import { unreachable } from '../../../src/core/assert.js';
import type { Counts } from '../counts.js';
import type { World } from '../world.js';
import type { ClientMachine } from './clientMachine.js';
import type { HostNumber, Paths } from './paths.js';
import type { ReplicaMachine } from './replicaMachine.js';
import type { PlannedStrictFault, StrictFault } from './strictPlan.js';

export interface InjectorOptions {
  readonly world: World;
  readonly paths: Paths;
  readonly counts: Counts;
  readonly replicas: readonly ReplicaMachine[];
  readonly clients: readonly ClientMachine[];
}

export class StrictInjector {
  private isHealed = false;

  constructor(private readonly options: InjectorOptions) {}

  schedule(plan: readonly PlannedStrictFault[]): void {
    for (const { number, atMs, fault } of plan) {
      this.later(atMs, () => {
        this.options.world.trace.note('fault', number, 0, () => `${number}: ${JSON.stringify(fault)}`);
        this.inject(fault);
      });
    }
  }

  /** Nothing goes wrong any more: what is down comes up, what is silent or slow ends. */
  heal(): void {
    const { paths, replicas, clients } = this.options;
    this.isHealed = true;
    paths.heal();
    for (const replica of replicas) {
      replica.disk.fullOneIn = 0;
      replica.disk.extraUntilUs = 0;
      replica.actor.stalledUntilUs = 0;
      replica.boot();
    }
    for (const client of clients) {
      client.actor.stalledUntilUs = 0;
      client.boot();
    }
  }

  private inject(fault: StrictFault): void {
    const { paths, counts, replicas, clients, world } = this.options;
    switch (fault.kind) {
      case 'kill': {
        const replica = replicas[fault.rank - 1];
        if (replica.actor.isDead) return;
        replica.interruptAfter(fault.steps, () => {
          if (!this.isHealed) replica.kill(fault.downMs);
        });
        break;
      }
      case 'blackout':
        for (const [index, host] of fault.hosts.entries()) this.darken(host, fault.downMs[index]);
        break;
      case 'clientKill':
        clients[fault.client].kill(fault.downMs, fault.lateMs * 1_000);
        break;
      case 'stall':
        replicas[fault.rank - 1].actor.stalledUntilUs = world.nowUs + fault.ms * 1_000;
        break;
      case 'clientStall':
        clients[fault.client].actor.stalledUntilUs = world.nowUs + fault.ms * 1_000;
        break;
      case 'silence':
        for (const host of fault.hosts) for (const other of this.hosts) this.silence(host, other, fault);
        break;
      case 'oneWaySilence':
        this.silenceOneWay(fault.from, fault.to, fault.ms, fault.noticeMs);
        break;
      case 'slowWay':
        paths.slow(fault.from, fault.to, fault.extraMs, fault.ms);
        break;
      case 'halfWrite': {
        const client = clients[fault.client];
        for (const { rank } of replicas) {
          if (rank !== fault.except) paths.slow(client.host, rank, fault.extraMs, fault.killAfterMs);
        }
        this.later(fault.killAfterMs, () => {
          client.kill(fault.downMs, fault.extraMs * 1_000);
        });
        break;
      }
      case 'cut':
        clients[fault.client].cut(fault.rank);
        break;
      case 'slowDisk': {
        const { disk } = replicas[fault.rank - 1];
        disk.extraMs = fault.extraMs;
        disk.extraUntilUs = world.nowUs + fault.ms * 1_000;
        break;
      }
      case 'fullDisk': {
        const { disk } = replicas[fault.rank - 1];
        disk.fullOneIn = fault.oneIn;
        this.later(fault.ms, () => {
          disk.fullOneIn = 0;
        });
        break;
      }
      case 'diskLoss':
        if (!this.mayLose(fault.rank)) return;
        replicas[fault.rank - 1].loseDisk(fault.downMs);
        break;
      default:
        unreachable(fault);
    }
    counts.add(fault.kind);
  }

  /** One disk at a time, and never so many that too few are left to list. */
  private mayLose(rank: number): boolean {
    const { replicas } = this.options;
    return replicas.length >= 3 && replicas.every((one) => one.isMember || one.rank === rank);
  }

  private get hosts(): HostNumber[] {
    const { replicas, clients } = this.options;
    return [...new Set([...replicas.map(({ rank }) => rank), ...clients.map(({ host }) => host)])];
  }

  private darken(host: HostNumber, downMs: number): void {
    this.options.replicas.find(({ rank }) => rank === host)?.kill(downMs);
    for (const client of this.options.clients) if (client.host === host) client.kill(downMs);
  }

  private silence(
    host: HostNumber,
    other: HostNumber,
    { hosts, ms, noticeMs }: StrictFault & { readonly kind: 'silence' },
  ): void {
    if (hosts.includes(other)) return;
    this.silenceOneWay(host, other, ms, noticeMs);
    this.silenceOneWay(other, host, ms, noticeMs);
  }

  private silenceOneWay(from: HostNumber, to: HostNumber, ms: number, noticeMs: number | null): void {
    if (from === to) return;
    this.options.paths.silence(from, to, ms);
    if (noticeMs === null || noticeMs >= ms) return;
    this.later(noticeMs, () => {
      for (const client of this.options.clients) {
        if (client.host === from) client.cut(to);
        if (client.host === to) client.cut(from);
      }
    });
  }

  private later(ms: number, run: () => void): void {
    this.options.world.schedule(null, ms * 1_000, () => {
      if (!this.isHealed) run();
    });
  }
}
