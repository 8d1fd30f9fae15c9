/**
 * The port of a coordinator to a replica in memory, in virtual time. Messages take random times, and may overtake each
 * other. When a connection breaks, what is on the way is lost or arrives late.
 */
import { BehaviorSubject, Subject } from 'rxjs';
import type { ReceivedAnswer, ReplicaPort } from '../../src/coordinator/replicaPort.js';
import { endOf } from '../../src/core/strict/range.js';
import type { ReplicaRequest } from '../../src/core/strict/replicaMessage.js';
import { oncePerTurn } from '../../src/oncePerTurn.js';
import type { Schedulers } from '../../src/ports/schedulers.js';
import type { Dice } from '../helpers/seed.js';
import type { Actor } from '../sim/actor.js';
import type { World } from '../sim/world.js';
import type { MemoryReplica } from './memoryReplica.js';

export interface Times {
  /** A message takes from the first to the second (microseconds). */
  readonly messageUs: readonly [number, number];
  /** A flush likewise. */
  readonly flushUs: readonly [number, number];
}

/** A replica, and what can happen to it but for the loss of its disk. */
export interface Host {
  readonly replica: MemoryReplica;
  /** Its present run. */
  actor: Actor;
  /** It answers nothing, and its connections stay. */
  isSilent: boolean;
  /** What has arrived while it was silent. */
  kept: (() => void)[];
  /** All takes so many times longer. */
  slowness: number;
  /** Of all coordinators. */
  readonly ports: MemoryPort[];
}

export interface PortOptions {
  readonly world: World;
  readonly dice: Dice;
  readonly times: Times;
  /** Of the coordinator. */
  readonly actor: Actor;
  readonly schedulers: Schedulers;
}

export class MemoryPort implements ReplicaPort {
  readonly #isUp = new BehaviorSubject(true);
  readonly isUp$ = this.#isUp.asObservable();
  readonly #answer = new Subject<ReceivedAnswer>();
  readonly answer$ = this.#answer.asObservable();
  /** Set by tests. */
  bufferedBytes = 0;
  /** All that was sent, and when (microseconds). */
  readonly sent: { readonly atUs: number; readonly request: ReplicaRequest }[] = [];
  /** Messages of earlier connections bring no answer. */
  #connection = 0;
  #gathered: (readonly [number, ReplicaRequest])[] = [];
  readonly #flush: () => void;

  constructor(
    readonly host: Host,
    private readonly options: PortOptions,
  ) {
    host.ports.push(this);
    this.#flush = oncePerTurn(options.schedulers.turn, () => {
      const messages = this.#gathered;
      this.#gathered = [];
      for (const [number, request] of messages) this.#carry(number, request, this.#connection);
    });
  }

  get rank(): number {
    return this.host.replica.rank;
  }

  /** Of its disk, which may be being grown. */
  sectors = Infinity;

  send(request: ReplicaRequest): number | null {
    if (!this.#isUp.value) throw new Error(`a request to process ${this.rank}, which is down`);
    if (endOf(request.range) > this.sectors) return null;
    this.sent.push({ atUs: this.options.world.nowUs, request });
    this.#gathered.push([this.sent.length, request]);
    this.#flush();
    return this.sent.length;
  }

  /** The connection ends. */
  break(): void {
    if (!this.#isUp.value) return;
    this.#connection += 1;
    this.#gathered = [];
    this.#isUp.next(false);
  }

  connect(): void {
    if (!this.#isUp.value) this.#isUp.next(true);
  }

  #carry(number: number, request: ReplicaRequest, connection: number): void {
    const { world, dice, times, actor } = this.options;
    const { host } = this;
    const delayUs = ([min, max]: readonly [number, number]): number => dice.between(min, max) * host.slowness;
    const arrive = (): void => {
      if (host.isSilent) {
        host.kept.push(arrive);
        return;
      }
      if (connection !== this.#connection && dice.chance(50)) return;
      const answer = host.replica.handle(request);
      if (answer === null) return;
      const isStore = request.kind === 'store' || request.kind === 'learn';
      world.schedule(host.actor, isStore ? delayUs(times.flushUs) : 0, () => {
        const incarnations = [...host.replica.incarnations];
        world.schedule(actor, delayUs(times.messageUs), () => {
          if (connection === this.#connection) this.#answer.next({ request: number, answer, incarnations });
        });
      });
    };
    world.schedule(null, delayUs(times.messageUs), arrive);
  }
}
