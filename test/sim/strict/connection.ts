/**
 * A connection between a coordinator and a replica, and the port over such connections, one after the other.
 *
 * Messages come in order on one connection. When it breaks, each side learns of it by itself; of what was sent a first
 * part may still arrive, even after what a later connection brings, and the rest never does. The design allows more
 * than TCP does, so a late request may also reach the next program of the replica.
 */
import { BehaviorSubject, Subject } from 'rxjs';
import type { ReceivedAnswer, ReplicaPort } from '../../../src/coordinator/replicaPort.js';
import type { Rank } from '../../../src/core/rank.js';
import type { Incarnations, ReplicaAnswer, ReplicaRequest } from '../../../src/core/strict/replicaMessage.js';
import type { Dice } from '../../helpers/seed.js';
import type { Actor } from '../actor.js';
import type { World } from '../world.js';
import type { Gate } from './gate.js';
import type { HostNumber, Paths } from './paths.js';

/** A replica as the network sees it. */
export interface Server {
  readonly rank: Rank;
  readonly actor: Actor;
  /** Whether its program runs and takes connections. */
  readonly isListening: boolean;
  /** A request; `answer` sends the answer over the connection that it came over, if that is still there. */
  handle(connection: Connection, request: ReplicaRequest, answer: Answer): void;
  accepted(connection: Connection): void;
  ended(connection: Connection): void;
}

export type Answer = (answer: ReplicaAnswer, incarnations: Incarnations) => void;

export interface NetworkPart {
  readonly world: World;
  readonly paths: Paths;
  readonly dice: Dice;
  /** Of a scripted run. */
  readonly gate: Gate | null;
  /** Told of everything that is sent. */
  readonly onRequest: (client: string, rank: Rank, request: ReplicaRequest) => void;
}

interface OnItsWay {
  readonly request: ReplicaRequest;
  cancel: () => void;
}

const RETRY_US_MIN = 20_000;
const RETRY_US_END = 200_000;
/** Both sides of a broken connection, until they learn of it. */
const NOTICE_US_END = 400_000;
/** What was on its way comes so late at most. */
const LATE_US_END = 2_500_000;

export class Connection {
  private isCut = false;
  private isOpenHere = true;
  private isOpenThere = true;
  private toServerAtUs = 0;
  private toClientAtUs = 0;
  private readonly onItsWay = new Set<OnItsWay>();
  /** The program of the replica that it was made to. */
  private readonly serverActor: Actor;

  constructor(
    private readonly network: NetworkPart,
    private readonly port: SimulatedPort,
    readonly server: Server,
  ) {
    this.serverActor = server.actor;
    server.accepted(this);
  }

  send(number: number, request: ReplicaRequest): void {
    if (this.isCut) return;
    const { world, paths, gate } = this.network;
    if (gate?.isShut === true) {
      const pass = (): void => {
        if (this.isCut) this.deliverLate(request);
        else this.arrives(number, request);
      };
      gate.hold({ client: this.port.actor, rank: this.server.rank, request, pass });
      return;
    }
    this.toServerAtUs = Math.max(world.nowUs + paths.delayUs(this.port.host, this.server.rank), this.toServerAtUs);
    const message: OnItsWay = { request, cancel: () => undefined };
    this.onItsWay.add(message);
    const event = world.schedule(this.serverActor, this.toServerAtUs - world.nowUs, () => {
      this.onItsWay.delete(message);
      this.arrives(number, request);
    });
    message.cancel = () => {
      event.cancel();
    };
  }

  private arrives(number: number, request: ReplicaRequest): void {
    if (!this.isOpenThere) return;
    this.server.handle(this, request, (answer, incarnations) => {
      this.answer({ request: number, answer, incarnations });
    });
  }

  private answer(received: ReceivedAnswer): void {
    if (this.isCut || this.serverActor.isDead) return;
    const { world, paths } = this.network;
    this.toClientAtUs = Math.max(world.nowUs + paths.delayUs(this.server.rank, this.port.host), this.toClientAtUs);
    world.schedule(this.port.actor, this.toClientAtUs - world.nowUs, () => {
      if (this.isOpenHere) this.port.received(this, received);
    });
  }

  /** Somebody cut it, or one side is gone. */
  break(lateUsEnd = LATE_US_END): void {
    if (this.isCut) return;
    this.isCut = true;
    const { world, dice } = this.network;
    const notice = (actor: Actor, run: () => void): void => {
      world.schedule(actor, dice.below(3) === 0 ? dice.below(NOTICE_US_END) : dice.below(500), run);
    };
    notice(this.port.actor, () => {
      this.isOpenHere = false;
      this.port.lost(this);
    });
    notice(this.serverActor, () => {
      if (!this.isOpenThere) return;
      this.isOpenThere = false;
      this.server.ended(this);
    });
    const arriving = dice.below(this.onItsWay.size + 1);
    let index = 0;
    let lateUs = 0;
    for (const message of this.onItsWay) {
      message.cancel();
      index += 1;
      if (index > arriving) continue;
      lateUs = Math.max(lateUs, dice.below(lateUsEnd));
      world.schedule(null, lateUs, () => {
        this.deliverLate(message.request);
      });
    }
    this.onItsWay.clear();
  }

  private deliverLate(request: ReplicaRequest): void {
    if (!this.server.isListening) return;
    const { world } = this.network;
    world.trace.note('late', this.server.rank, request.range.first, () => `${request.kind} to ${this.server.rank}`);
    world.schedule(this.server.actor, 0, () => {
      if (this.server.isListening) this.server.handle(this, request, () => undefined);
    });
  }
}

export class SimulatedPort implements ReplicaPort {
  private readonly upSubject$ = new BehaviorSubject(false);
  private readonly answerSubject$ = new Subject<ReceivedAnswer>();
  readonly isUp$ = this.upSubject$.asObservable();
  readonly answer$ = this.answerSubject$.asObservable();
  readonly bufferedBytes = 0;
  private connection: Connection | null = null;
  private sentCount = 0;

  constructor(
    private readonly network: NetworkPart,
    readonly host: HostNumber,
    readonly actor: Actor,
    private readonly server: Server,
  ) {
    this.connect(0);
  }

  get rank(): Rank {
    return this.server.rank;
  }

  send(request: ReplicaRequest): number {
    if (this.connection === null) throw new Error(`a request to process ${this.rank}, which is down`);
    this.sentCount += 1;
    this.network.onRequest(this.actor.name, this.rank, request);
    this.connection.send(this.sentCount, request);
    return this.sentCount;
  }

  received(connection: Connection, answer: ReceivedAnswer): void {
    if (connection === this.connection) this.answerSubject$.next(answer);
  }

  lost(connection: Connection): void {
    if (connection !== this.connection) return;
    this.connection = null;
    this.upSubject$.next(false);
    this.connect(this.network.dice.between(RETRY_US_MIN, RETRY_US_END));
  }

  /** The connection that it has now, if any, is cut. */
  cut(lateUsEnd?: number): void {
    this.connection?.break(lateUsEnd);
  }

  private connect(afterUs: number): void {
    const { world, paths, dice } = this.network;
    world.schedule(this.actor, afterUs + dice.between(100, 2_000), () => {
      const isReachable = !paths.isSilent(this.host, this.rank) && !paths.isSilent(this.rank, this.host);
      if (!isReachable || !this.server.isListening) {
        this.connect(dice.between(RETRY_US_MIN, RETRY_US_END));
        return;
      }
      this.connection = new Connection(this.network, this, this.server);
      this.upSubject$.next(true);
    });
  }
}
