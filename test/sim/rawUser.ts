/**
 * A user that speaks the client protocol itself, written with the independent builder: many requests on one connection,
 * never the same write twice. It checks what the protocol promises a client: one answer to each request, and that a
 * process which has ended its half begins nothing any more.
 */
import { MessageReader, requestBytes, type Message } from '../helpers/bytes.js';
import type { Endpoint } from './endpoint.js';
import type { Attempt } from './observations.js';
import { nameOfSector, nameWordOf, sectorOf, ZEROS } from './sectorName.js';
import { User } from './user.js';

const OUTSTANDING_MAX = 4;
const REDIAL_US = 20_000;
/** A user that has waited for this long for an answer leaves. */
const PATIENCE_US_MIN = 1_000_000;
const PATIENCE_US_END = 12_000_000;

interface Outstanding {
  readonly sector: number;
  readonly answered: (message: Message & { readonly family: 'response' }) => void;
  readonly lost: () => void;
  /** null for a READ. */
  readonly attempt: Attempt | null;
}

export class RawUser extends User {
  private connection: Endpoint | null = null;
  private readonly outstanding = new Map<bigint, Outstanding>();
  private requestNumber = 0n;
  private isDialling = false;
  /** Our half is ended: what has no answer by the other side's end never will have an effect. */
  private isLeaving = false;

  get busyCount(): number {
    return this.outstanding.size;
  }

  start(): void {
    this.dial();
  }

  close(): void {
    this.connection?.end();
  }

  private dial(): void {
    const { network, dice, machines } = this.options;
    if (this.isDialling || this.connection !== null) return;
    this.isDialling = true;
    network.dial(this, dice.pick(machines), 1_000).subscribe({
      next: (connection) => {
        this.isDialling = false;
        this.use(connection);
      },
      error: () => {
        this.isDialling = false;
        this.dialLater();
      },
    });
  }

  private dialLater(): void {
    if (this.isResting) return;
    this.options.world.schedule(this.actor, REDIAL_US, () => {
      if (!this.isResting) this.dial();
    });
  }

  private use(connection: Endpoint): void {
    const { keys, world, dice } = this.options;
    this.connection = connection;
    this.isLeaving = false;
    const reader = new MessageReader(keys);
    connection.bytes$.subscribe({
      next: (chunk) => {
        for (const { message, tagIsGood } of reader.push(Buffer.from(chunk))) {
          this.onMessage(message, tagIsGood);
        }
        if (reader.skippedBytes > 0) {
          world.report('protocol', `${this.name} got ${reader.skippedBytes} bytes of nonsense`);
        }
      },
      complete: () => {
        this.onEnd(connection);
      },
    });
    world.schedule(this.actor, dice.between(PATIENCE_US_MIN, PATIENCE_US_END), () => {
      this.leave(connection);
    });
    this.ask(connection);
  }

  /** Says that it will ask nothing more, or breaks the connection. */
  private leave(connection: Endpoint): void {
    if (this.connection !== connection || this.isLeaving) return;
    if (this.outstanding.size > 0) this.options.counts.add('clients that left unanswered');
    if (this.options.dice.below(2) === 0) {
      this.isLeaving = true;
      connection.end();
    } else {
      connection.destroy();
    }
  }

  /** Asks something now and then, as long as the connection stands. */
  private ask(connection: Endpoint): void {
    this.think(() => {
      if (this.connection !== connection || this.isLeaving || this.isResting) return;
      if (this.outstanding.size < OUTSTANDING_MAX) this.askOne(connection);
      this.ask(connection);
    });
  }

  private askOne(connection: Endpoint): void {
    const { dice, sectors } = this.options;
    const busy = new Set([...this.outstanding.values()].map(({ sector }) => sector));
    const free = sectors.filter((sector) => !busy.has(sector));
    if (free.length === 0) return;
    const sector = dice.pick(free);
    if (dice.below(2) === 0) this.read(connection, sector);
    else this.write(connection, sector);
  }

  private read(connection: Endpoint, sector: number): void {
    const reading = this.options.observations.beginRead(this.name, sector);
    this.send(connection, 'READ', sector, null, {
      sector,
      attempt: null,
      answered: ({ data }) => {
        if (data === null) this.options.world.report('protocol', 'a READ answered without data');
        else reading.answered(nameOfSector(data));
      },
      lost: reading.lost,
    });
  }

  private write(connection: Endpoint, sector: number): void {
    const { observations, dice, number } = this.options;
    const isZeros = dice.below(8) === 0 && observations.claimZeros(sector);
    const word = isZeros ? ZEROS : nameWordOf(number, this.requestNumber + 1n);
    const attempt = observations.beginWrite(this.name, sector, word);
    this.send(connection, 'WRITE', sector, Buffer.from(sectorOf(word)), {
      sector,
      attempt,
      answered: attempt.answered,
      lost: attempt.lost,
    });
  }

  private send(
    connection: Endpoint,
    kind: 'READ' | 'WRITE',
    sector: number,
    data: Buffer | null,
    outstanding: Outstanding,
  ): void {
    this.requestNumber += 1n;
    const { requestNumber } = this;
    this.outstanding.set(requestNumber, outstanding);
    const request = { kind, requestNumber, sector: BigInt(sector), data };
    connection.write([requestBytes(request, this.options.keys.clientKey)]);
  }

  private onMessage(message: Message, tagIsGood: boolean): void {
    const { world } = this.options;
    if (message.family !== 'response') {
      world.report('protocol', `${this.name} got a ${message.family}`);
      return;
    }
    const { requestNumber, status } = message;
    const outstanding = this.outstanding.get(requestNumber);
    if (!tagIsGood) world.report('tags', `${this.name} got a response with a wrong tag`);
    else if (outstanding === undefined) {
      world.report('exactly once', `${this.name} got an answer to ${requestNumber}, answered before`);
    } else if (status !== 'Ok') world.report('protocol', `${this.name} was answered ${status}`);
    else {
      this.outstanding.delete(requestNumber);
      outstanding.answered(message);
    }
  }

  private onEnd(connection: Endpoint): void {
    this.connection = null;
    const isToldSo = !connection.endedUnconfirmed && !connection.other.host.isForeign;
    for (const { lost, attempt } of this.outstanding.values()) {
      lost();
      // A process that ended its half, or whose system reset it, has let go.
      if (isToldSo) attempt?.letGo();
    }
    this.outstanding.clear();
    // The other half, so that nothing is left of the connection.
    connection.end();
    this.dialLater();
  }
}
