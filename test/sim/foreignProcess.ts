/**
 * A foreign member in a simulated cluster: test/helpers/foreignPeer.ts, which knows the protocol and nothing of src,
 * with what it keeps on a disk that never forgets. It is its own user.
 */
import { Subscription } from 'rxjs';
import { STAMP_INITIAL, type Stamp } from '../../src/core/stamp.js';
import type { RegisterValue } from '../helpers/bytes.js';
import type { Dice } from '../helpers/seed.js';
import type { Behaviour } from '../helpers/foreignPeer.js';
import { ForeignPeer } from '../helpers/foreignPeer.js';
import type { ForeignSocket, ForeignWorld, Timer } from '../helpers/foreignWorld.js';
import type { Endpoint } from './endpoint.js';
import { Member } from './member.js';
import { nameOfSector, nameWordOf, sectorOf } from './sectorName.js';
import type { Surroundings } from './surroundings.js';
import type { Actor } from './actor.js';

/** As a foreign member might be at its most careless. */
const BEHAVIOURS: readonly Behaviour[] = [
  { receipts: true, connectionPerMessage: true },
  { receipts: true },
  { connectionPerMessage: true },
  { redialEveryMs: 200 },
  { neverReadsBack: true },
  { replyTwiceWithinMs: 400 },
];

const THINK_MS = 80;
/** Operations of its own that it has under way. */
const OPEN_MAX = 4;

export class ForeignProcess extends Member {
  override readonly isForeign = true;
  private readonly disk = new Map<bigint, RegisterValue>();
  private readonly behaviour: Behaviour;
  private peer: ForeignPeer | null = null;
  private life = 0;
  private writeCount = 0n;
  private openCount = 0;

  constructor(
    rank: number,
    private readonly around: Surroundings,
    private readonly dice: Dice,
    private readonly userNumber: number,
    private readonly sectors: readonly number[],
  ) {
    super(around, rank);
    this.behaviour = dice.pick(BEHAVIOURS);
  }

  override get isReady(): boolean {
    return this.peer !== null;
  }

  override get busyCount(): number {
    return this.openCount;
  }

  override isVoter(): boolean {
    return true;
  }

  override mayBeEarly(): boolean {
    return false;
  }

  override durableStamp(sector: number): Stamp {
    const held = this.disk.get(BigInt(sector));
    return held === undefined ? STAMP_INITIAL : { timestamp: held.timestamp, writeRank: held.writeRank };
  }

  override boot(): void {
    if (this.isUp) return;
    this.life += 1;
    const actor = this.begin(this.life);
    const { processCount, keys, world } = this.around;
    world.trace.note('boot', this.rank, this.life, () => `${this.name}, foreign`);
    const peer = new ForeignPeer({
      rank: this.rank,
      processCount,
      keys: { clientKey: Buffer.from(keys.clientKey), systemKey: Buffer.from(keys.systemKey) },
      behaviour: { padding: (length) => this.bytes(length), ...this.behaviour },
      world: this.worldOf(actor),
      disk: this.disk,
    });
    this.peer = peer;
    this.listener = (endpoint) => {
      peer.accept(socketOf(endpoint));
    };
    this.use(peer, actor);
  }

  protected override forget(): void {
    for (const fault of this.peer?.faults ?? []) {
      this.around.world.report('protocol', `${this.name} complains: ${fault}`);
    }
    this.around.counts.add('receipts given to a foreign process', this.peer?.receiptCount ?? 0);
    this.peer = null;
    this.openCount = 0;
  }

  /** Reads and writes now and then, as a process of the cluster. */
  private use(peer: ForeignPeer, actor: Actor): void {
    const { world } = this.around;
    world.schedule(actor, this.dice.below(THINK_MS * 1_000), () => {
      if (this.isResting) return;
      const sector = this.dice.pick(this.sectors);
      if (this.openCount >= OPEN_MAX) this.around.counts.add('a foreign process that waits');
      else if (this.dice.below(2) === 0) this.read(peer, sector, actor);
      else this.write(peer, sector, actor);
      this.use(peer, actor);
    });
  }

  private read(peer: ForeignPeer, sector: number, actor: Actor): void {
    const reading = this.around.observations.beginRead(this.name, sector);
    this.openCount += 1;
    peer.operate(sector, null, ({ data }) => {
      if (!this.lives(actor)) return;
      this.openCount -= 1;
      reading.answered(nameOfSector(data));
    });
  }

  private write(peer: ForeignPeer, sector: number, actor: Actor): void {
    this.writeCount += 1n;
    const word = nameWordOf(this.userNumber, this.writeCount);
    const attempt = this.around.observations.beginWrite(this.name, sector, word);
    this.openCount += 1;
    peer.operate(sector, Buffer.from(sectorOf(word)), () => {
      if (!this.lives(actor)) return;
      this.openCount -= 1;
      attempt.answered();
    });
  }

  private bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.dice.below(256)));
  }

  private worldOf(actor: Actor): ForeignWorld {
    const { world, network, machineOf } = this.around;
    return {
      dial: (rank) => dialled(network.dial(this, machineOf(rank))),
      later: (delayMs, action) => world.schedule(actor, delayMs * 1_000, action),
      every: (intervalMs, action) => {
        let next: Timer;
        const arrange = (): void => {
          next = world.schedule(actor, intervalMs * 1_000, () => {
            arrange();
            action();
          });
        };
        arrange();
        return {
          cancel: () => {
            next.cancel();
          },
        };
      },
      operationId: () => this.bytes(16).toString('hex'),
      fraction: () => this.dice.below(2 ** 30) / 2 ** 30,
    };
  }
}

type Listeners = Record<'connect' | 'data' | 'error' | 'close', ((argument: never) => void)[]>;

/** Listeners of a socket, and how they are told. */
function events() {
  const listeners: Listeners = { connect: [], data: [], error: [], close: [] };
  return {
    on: (event: keyof Listeners, listener: (argument: never) => void): void => {
      listeners[event].push(listener);
    },
    tell: (event: keyof Listeners, argument?: unknown): void => {
      for (const listener of listeners[event]) listener(argument as never);
    },
  };
}

function socketOf(endpoint: Endpoint): ForeignSocket {
  const { on, tell } = events();
  endpoint.bytes$.subscribe({
    next: (chunk) => {
      tell('data', Buffer.from(chunk));
    },
    complete: () => {
      // As Node's sockets do that are not told to stay half open.
      endpoint.end();
    },
  });
  endpoint.closed$.subscribe({
    complete: () => {
      tell('close');
    },
  });
  return {
    on,
    write: (bytes) => {
      endpoint.write([bytes]);
    },
    end: (bytes) => {
      endpoint.write([bytes]);
      endpoint.end();
    },
    destroy: () => {
      endpoint.destroy();
    },
  };
}

/** A socket that is being connected: what is written to it before waits. */
function dialled(dial$: ReturnType<Surroundings['network']['dial']>): ForeignSocket {
  const { on, tell } = events();
  let socket: ForeignSocket | null = null;
  let waiting: ((socket: ForeignSocket) => void)[] | null = [];
  const dialling = new Subscription();
  const whenConnected = (action: (connected: ForeignSocket) => void): void => {
    if (socket !== null) action(socket);
    else waiting?.push(action);
  };
  dialling.add(
    dial$.subscribe({
      next: (endpoint) => {
        const connected = socketOf(endpoint);
        socket = connected;
        connected.on('data', (chunk) => {
          tell('data', chunk);
        });
        connected.on('close', () => {
          tell('close');
        });
        tell('connect');
        for (const action of waiting ?? []) action(connected);
        waiting = [];
      },
      error: (error: unknown) => {
        tell('error', error);
        tell('close');
      },
    }),
  );
  return {
    on,
    write: (bytes) => {
      whenConnected((connected) => connected.write(bytes));
    },
    end: (bytes) => {
      whenConnected((connected) => connected.end(bytes));
    },
    destroy: () => {
      dialling.unsubscribe();
      waiting = null;
      if (socket === null) tell('close');
      else socket.destroy();
    },
  };
}
