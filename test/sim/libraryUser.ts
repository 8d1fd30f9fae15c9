/**
 * A user of the client library: the production DiskClient on a simulated network. What it writes gets its name while
 * the request is tagged, since the library makes as many attempts as it takes, and each of them may take effect
 * (docs/adr/0006-client-resubmission.md): each gets a name of its own, and is an operation of its own in the history.
 */
import type { AttemptEvent } from '../../src/client/clientEvents.js';
import { CLIENT_TIMEOUTS_DEFAULT } from '../../src/client/clientDefaults.js';
import { DiskClient } from '../../src/client/diskClient.js';
import type { Tagger } from '../../src/wire/tag.js';
import { createTagger } from '../../src/wire/tag.js';
import type { Attempt } from './observations.js';
import { schedulersOf } from './schedulers.js';
import { nameOfSector, nameWordOf, sectorOf, writeSector } from './sectorName.js';
import { User, type UserOptions } from './user.js';

const OUTSTANDING = 8;
/** More than the time in which a process notices that a connection is dead. */
const UNCONFIRMED_MS = 30_000;
const WRITE = 0x02;
const TYPE_AT = 7;
const NUMBER_AT = 8;
const SECTOR_AT = 16;
const DATA_AT = 24;

/** Any data will do: what is written gets its name later. */
const UNNAMED = sectorOf(nameWordOf(0, 1n));

export class LibraryUser extends User {
  private readonly client: DiskClient;
  /** Of each sector, the attempts of the operation that is under way. */
  private readonly attempts = new Map<number, Map<number, Attempt>>();
  /** Of each sector, the attempts of that operation which were lost. */
  private readonly lost = new Map<number, Attempt[]>();
  /** Told of an attempt whose bytes have not been made yet. */
  private announced: AttemptEvent | null = null;
  private underWayCount = 0;

  constructor(
    options: UserOptions,
    private readonly loops: number,
  ) {
    super(options);
    const { network, machines, dice, world } = options;
    this.client = new DiskClient(
      {
        slots: machines.map((_, index) => index + 1),
        outstandingPerConnection: OUTSTANDING,
        windowSectors: 4,
        timeouts: { ...CLIENT_TIMEOUTS_DEFAULT, unconfirmedMs: UNCONFIRMED_MS },
        hedgesReads: true,
        tagger: this.namingTagger(createTagger(options.keys.clientKey)),
        onAttempt: (event) => {
          this.onAttempt(event);
        },
      },
      {
        dial: (slot) => network.dial(this, machines[slot - 1]),
        schedulers: schedulersOf(world, this.actor, dice, dice.below(1_000_000)),
        random: { fraction: () => dice.below(2 ** 30) / 2 ** 30 },
        log: {
          debugEnabled: false,
          debug: () => undefined,
          info: () => undefined,
          warn: () => undefined,
          error: () => undefined,
        },
      },
    );
  }

  get busyCount(): number {
    return this.underWayCount + this.client.operationCount;
  }

  connect(): void {
    this.client.run$.subscribe({
      error: (error: unknown) => {
        this.options.world.report('assertion', `the client library failed: ${String(error)}`);
      },
    });
  }

  start(): void {
    for (let loop = 0; loop < this.loops; loop += 1) this.next();
  }

  close(): void {
    const { counts } = this.options;
    const { counters } = this.client;
    counts.add('reads hedged', counters.hedgedReads);
    counts.add('writes held', counters.heldWrites);
    counts.add('processes left by clients', counters.leftConnections);
    if (counters.unexpectedResponses > 0) {
      const text = `${this.name}: ${counters.unexpectedResponses} responses to nothing it asked`;
      this.options.world.report('exactly once', text);
    }
    if (counters.badTagResponses > 0) {
      this.options.world.report('tags', `${this.name}: ${counters.badTagResponses} wrong tags`);
    }
    this.client.close().subscribe();
  }

  writeOnce(sector: number): void {
    this.underWayCount += 1;
    this.client.write(sector, UNNAMED).subscribe({
      error: this.failed,
      complete: () => {
        this.underWayCount -= 1;
      },
    });
  }

  /** Reads a sector once, whatever else is going on. */
  readOnce(sector: number): void {
    this.underWayCount += 1;
    const reading = this.options.observations.beginRead(this.userName, sector);
    this.client.read(sector).subscribe({
      next: (data) => {
        reading.answered(nameOfSector(data));
      },
      error: this.failed,
      complete: () => {
        this.underWayCount -= 1;
      },
    });
  }

  private next(): void {
    this.think(() => {
      if (this.isResting) return;
      const { dice, sectors } = this.options;
      const sector = dice.pick(sectors);
      const what = dice.below(10);
      this.underWayCount += 1;
      if (what < 5) this.write(sector);
      else if (what < 9) this.read(sector);
      else this.update(sector);
    });
  }

  private readonly failed = (error: unknown): void => {
    this.options.world.report('operations', `an operation of ${this.name} failed: ${String(error)}`);
  };

  private readonly done = (): void => {
    this.underWayCount -= 1;
    this.next();
  };

  private read(sector: number): void {
    const reading = this.options.observations.beginRead(this.userName, sector);
    this.client.read(sector).subscribe({
      next: (data) => {
        reading.answered(nameOfSector(data));
      },
      error: this.failed,
      complete: this.done,
    });
  }

  private write(sector: number): void {
    this.client.write(sector, UNNAMED).subscribe({ error: this.failed, complete: this.done });
  }

  private update(sector: number): void {
    const reading = this.options.observations.beginRead(this.userName, sector);
    const change = (current: Uint8Array): Uint8Array => {
      reading.answered(nameOfSector(current));
      return current;
    };
    this.client.update(sector, change).subscribe({ error: this.failed, complete: this.done });
  }

  /** Called by the library; a write's name follows when its bytes are made. */
  private onAttempt(event: AttemptEvent): void {
    if (event.kind === 'read') return;
    if (event.event === 'sent') {
      if (event.attempt > 1) this.options.counts.add('writes sent again');
      this.announced = event;
      return;
    }
    const ofSector = this.attempts.get(event.sector);
    const attempt = ofSector?.get(event.attempt);
    if (ofSector === undefined || attempt === undefined) {
      this.options.world.report('operations', `${this.name} was told of an attempt never made`);
      return;
    }
    ofSector.delete(event.attempt);
    if (event.event === 'answered') attempt.answered();
    else attempt.lost();
  }

  private namingTagger(inner: Tagger): Tagger {
    return {
      verify: (message) => inner.verify(message),
      signPieces: (pieces) => {
        inner.signPieces(pieces);
      },
      sign: (message) => {
        if (message[TYPE_AT] === WRITE) this.nameWrite(message);
        inner.sign(message);
      },
    };
  }

  private nameWrite(message: Uint8Array): void {
    const { observations, number } = this.options;
    const view = new DataView(message.buffer, message.byteOffset, message.length);
    const word = nameWordOf(number, view.getBigUint64(NUMBER_AT));
    const sector = Number(view.getBigUint64(SECTOR_AT));
    writeSector(word, message, DATA_AT);
    const { announced } = this;
    if (announced === null || announced.sector !== sector) {
      this.options.world.report('operations', `${this.name} sends what it has not announced`);
      return;
    }
    this.announced = null;
    let ofSector = this.attempts.get(sector);
    if (ofSector === undefined) this.attempts.set(sector, (ofSector = new Map<number, Attempt>()));
    // What is made again had to be let go of before.
    for (const earlier of this.lostOf(sector)) earlier.letGo();
    const attempt = observations.beginWrite(this.name, sector, word);
    ofSector.set(announced.attempt, this.watch(sector, attempt));
  }

  private lostOf(sector: number): readonly Attempt[] {
    return this.lost.get(sector) ?? [];
  }

  /** Remembers attempts of an operation that were lost, until it is answered. */
  private watch(sector: number, attempt: Attempt): Attempt {
    return {
      ...attempt,
      answered: () => {
        for (const earlier of this.lostOf(sector)) earlier.over();
        this.lost.delete(sector);
        attempt.answered();
      },
      lost: () => {
        this.lost.set(sector, [...this.lostOf(sector), attempt]);
        attempt.lost();
      },
    };
  }
}
