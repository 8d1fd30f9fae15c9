/**
 * A simulated user of a strict cluster: life after life a coordinator with an id of its own, and loops that read, write
 * and update single hot sectors and ranges, each waiting for its operation. It has no time limits of its own.
 */
import { Coordinator } from '../../../src/coordinator/coordinator.js';
import { COORDINATOR_LIMITS_DEFAULT } from '../../../src/coordinator/coordinatorLimits.js';
import { rangesOf, type SectorRange } from '../../../src/core/strict/range.js';
import { AtomicDiskError } from '../../../src/errors.js';
import type { Dice } from '../../helpers/seed.js';
import { newActor, type Actor } from '../actor.js';
import { schedulersOf } from '../schedulers.js';
import type { Scheduled } from '../world.js';
import { SimulatedPort, type NetworkPart, type Server } from './connection.js';
import type { HostNumber } from './paths.js';
import type { StrictObservations } from './strictObservations.js';
import { dataOf, nameIn, writeNameOf, type WriteName } from './strictData.js';

export interface ClientOptions {
  readonly network: NetworkPart;
  readonly observations: StrictObservations;
  readonly number: number;
  /** Of a replica, if it dies with that. */
  readonly host: HostNumber;
  readonly servers: readonly Server[];
  readonly hotSectors: readonly number[];
  readonly dice: Dice;
  /** Numbers the lives of all clients. */
  readonly nextLife: () => number;
}

const LOOPS = 3;
const THINK_US = 40_000;
const RANGE_SECTORS_END = 9;

export class ClientMachine {
  actor: Actor;
  /** It begins nothing more. */
  isResting = false;
  /** Operations that have no answer yet. */
  busyCount = 0;
  /** When the eldest of them began. */
  readonly since = new Map<object, number>();
  private ports: SimulatedPort[] = [];
  private coordinator: Coordinator | null = null;
  private life = 0;
  private writeCount = 0;
  private restart: Scheduled | null = null;

  constructor(private readonly options: ClientOptions) {
    this.actor = newActor(`client ${options.number} (never started)`);
    this.actor.isDead = true;
  }

  get name(): string {
    return this.actor.name;
  }

  get host(): HostNumber {
    return this.options.host;
  }

  boot(): void {
    this.restart?.cancel();
    this.restart = null;
    if (!this.actor.isDead) return;
    const { network, servers, dice, host, number } = this.options;
    this.life = this.options.nextLife();
    this.writeCount = 0;
    this.actor = newActor(`client ${number}, life ${this.life}`);
    const { actor } = this;
    network.world.trace.note('client', number, this.life, () => actor.name);
    this.ports = servers.map((server) => new SimulatedPort(network, host, actor, server));
    this.coordinator = new Coordinator({
      id: dice.bytes(16).toString('latin1'),
      processCount: servers.length,
      ports: this.ports,
      schedulers: schedulersOf(network.world, actor, dice, dice.below(1_000)),
      random: { fraction: () => dice.below(2 ** 30) / 2 ** 30 },
      limits: COORDINATOR_LIMITS_DEFAULT,
    });
    this.coordinator.run$.subscribe({
      error: (error: unknown) => {
        network.world.report('assertion', `the coordinator of ${actor.name} failed: ${String(error)}`);
      },
    });
    for (let loop = 0; loop < LOOPS; loop += 1) this.think();
  }

  /**
   * It dies now. What it has sent may arrive up to so much later.
   * @param downMs Until its next life; null: there is none.
   */
  kill(downMs: number | null, lateUsEnd?: number): void {
    const { network, observations } = this.options;
    if (!this.actor.isDead) {
      network.world.trace.note('crash', this.options.number, this.life, () => this.name);
      observations.crash(this.name);
      this.actor.isDead = true;
      for (const port of this.ports) port.cut(lateUsEnd);
      this.coordinator = null;
      this.busyCount = 0;
      this.since.clear();
    }
    if (downMs === null || this.restart !== null) return;
    this.restart = network.world.schedule(null, downMs * 1_000, () => {
      this.restart = null;
      this.boot();
    });
  }

  /** Its connection to a process breaks. */
  cut(rank: number): void {
    this.ports[rank - 1]?.cut();
  }

  /** One more operation, besides its loops. */
  readOnce(range: SectorRange): void {
    this.read(range, () => undefined);
  }

  writeOnce(range: SectorRange): void {
    this.write(range, () => undefined);
  }

  private think(): void {
    const { network, dice } = this.options;
    network.world.schedule(this.actor, dice.below(THINK_US), () => {
      if (this.isResting) return;
      this.next();
    });
  }

  private next(): void {
    const { dice } = this.options;
    const what = dice.below(100);
    const then = (): void => {
      this.think();
    };
    if (what < 35) this.read(this.someRange(), then);
    else if (what < 80) this.write(this.someRange(), then);
    else this.update(this.hotSector(), then);
  }

  private hotSector(): number {
    const { dice, hotSectors } = this.options;
    return dice.pick(hotSectors);
  }

  /** Mostly a hot sector; else a few around one. */
  private someRange(): SectorRange {
    const { dice } = this.options;
    const sector = this.hotSector();
    if (dice.below(100) < 70) return { first: sector, count: 1 };
    const first = Math.max(0, sector - dice.below(3));
    return dice.pick(rangesOf(first, dice.between(2, RANGE_SECTORS_END)));
  }

  private begin(): { readonly coordinator: Coordinator; readonly end: () => void } {
    const key = {};
    const { coordinator } = this;
    if (coordinator === null) throw new Error(`${this.name} does not live`);
    this.busyCount += 1;
    this.since.set(key, this.options.network.world.nowUs);
    const end = (): void => {
      this.busyCount -= 1;
      this.since.delete(key);
    };
    return { coordinator, end };
  }

  private read(range: SectorRange, then: () => void): void {
    const { coordinator, end } = this.begin();
    const reading = this.options.observations.beginRead(this.name, range.first, range.count);
    coordinator.readRange(range).subscribe({
      next: (data) => {
        reading.answered((sector) => nameIn(data, sector));
      },
      error: this.failed,
      complete: () => {
        end();
        then();
      },
    });
  }

  private write(range: SectorRange, then: () => void): void {
    const { coordinator, end } = this.begin();
    const name = this.nextName();
    const writing = this.options.observations.beginWrite(this.name, range.first, range.count, name);
    coordinator.writeRange(range, dataOf(name, range.count)).subscribe({
      error: this.failed,
      complete: () => {
        writing.answered();
        end();
        then();
      },
    });
  }

  private update(sector: number, then: () => void): void {
    const { coordinator, end } = this.begin();
    const updating = this.options.observations.beginUpdate(this.name, sector);
    const change = (current: Uint8Array): Uint8Array => {
      const found = nameIn(current, 0);
      const name = this.nextName();
      updating.tries(found, name);
      return dataOf(name, 1, found) as Uint8Array;
    };
    coordinator.update(sector, change).subscribe({
      error: (error: unknown) => {
        if (!(error instanceof AtomicDiskError) || error.code !== 'ATDD_OUTCOME_UNKNOWN') {
          this.failed(error);
          return;
        }
        updating.unknown();
        end();
        then();
      },
      complete: () => {
        updating.answered();
        end();
        then();
      },
    });
  }

  private nextName(): WriteName {
    this.writeCount += 1;
    return writeNameOf(this.life, this.writeCount);
  }

  private readonly failed = (error: unknown): void => {
    this.options.network.world.report('operations', `an operation of ${this.name} failed: ${String(error)}`);
  };
}
