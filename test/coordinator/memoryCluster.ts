/** Replicas in memory, coordinators, and faults, all in virtual time. */
import { Coordinator } from '../../src/coordinator/coordinator.js';
import type { CoordinatorOptions } from '../../src/coordinator/coordinator.js';
import { COORDINATOR_LIMITS_DEFAULT } from '../../src/coordinator/coordinatorLimits.js';
import type { CoordinatorLimits } from '../../src/coordinator/coordinatorLimits.js';
import type { Rank } from '../../src/core/rank.js';
import { dice } from '../helpers/seed.js';
import type { Dice } from '../helpers/seed.js';
import { newActor } from '../sim/actor.js';
import type { Actor } from '../sim/actor.js';
import { schedulersOf } from '../sim/schedulers.js';
import { World } from '../sim/world.js';
import type { Host, Times } from './memoryPort.js';
import { MemoryPort } from './memoryPort.js';
import { MemoryReplica } from './memoryReplica.js';

const TIMES: Times = { messageUs: [50, 300], flushUs: [200, 1_500] };

export interface ClusterOptions {
  readonly processCount?: number;
  readonly seed?: number;
  readonly times?: Times;
}

/** A coordinator and what runs it. */
export interface Client {
  readonly coordinator: Coordinator;
  readonly ports: readonly MemoryPort[];
  readonly actor: Actor;
  readonly dice: Dice;
}

export class MemoryCluster {
  readonly world = new World(false);
  readonly dice: Dice;
  readonly hosts: readonly Host[];
  readonly clients: Client[] = [];
  readonly #times: Times;

  constructor({ processCount = 3, seed = 1, times = TIMES }: ClusterOptions = {}) {
    this.dice = dice(seed);
    this.#times = times;
    this.hosts = Array.from({ length: processCount }, (_, index): Host => {
      const replica = new MemoryReplica(index + 1, processCount);
      return { replica, actor: newActor('replica'), isSilent: false, kept: [], slowness: 1, ports: [] };
    });
  }

  get nowMs(): number {
    return this.world.nowUs / 1_000;
  }

  host(rank: Rank): Host {
    return this.hosts[rank - 1];
  }

  addClient(limits: Partial<CoordinatorLimits> = {}, options: Partial<CoordinatorOptions> = {}): Client {
    const own = dice(this.dice.below(2 ** 31));
    const actor = newActor('coordinator');
    const schedulers = schedulersOf(this.world, actor, own, 0);
    const ports = this.hosts.map(
      (host) => new MemoryPort(host, { world: this.world, dice: own, times: this.#times, actor, schedulers }),
    );
    const coordinator = new Coordinator({
      id: own.bytes(16).toString('latin1'),
      processCount: this.hosts.length,
      ports,
      schedulers,
      random: { fraction: () => own.below(2 ** 30) / 2 ** 30 },
      limits: { ...COORDINATOR_LIMITS_DEFAULT, ...limits },
      ...options,
    });
    coordinator.run$.subscribe();
    const client = { coordinator, ports, actor, dice: own };
    this.clients.push(client);
    for (const port of ports) if (!this.#isRunning(port.host)) port.break();
    return client;
  }

  /** Its program ends at this instant: nothing more of it happens, and what it has sent may arrive. */
  crashClient(client: Client): void {
    client.actor.isDead = true;
    for (const port of client.ports) port.host.ports.splice(port.host.ports.indexOf(port), 1);
  }

  /** The process ends; `restart` starts it again. */
  stop({ actor, replica, ports }: Host): void {
    actor.isDead = true;
    replica.crash();
    for (const port of ports) port.break();
  }

  restart(host: Host): void {
    if (this.#isRunning(host)) return;
    host.actor = newActor('replica');
    for (const port of host.ports) port.connect();
  }

  /** From now on it answers nothing, and no connection ends. */
  silence(host: Host): void {
    host.isSilent = true;
  }

  /** It goes on with all that has arrived. */
  wake(host: Host): void {
    host.isSilent = false;
    for (const arrive of host.kept.splice(0)) arrive();
  }

  /** Lets virtual time pass. @throws what was thrown in it. */
  advance(ms: number, isDone?: () => boolean): void {
    this.world.run(this.world.nowUs + ms * 1_000, isDone);
    if (this.world.finding !== null) throw new Error(this.world.finding.text);
  }

  #isRunning({ actor }: Host): boolean {
    return !actor.isDead;
  }
}
