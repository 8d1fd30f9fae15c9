/** One random history: clients that read, write and update few sectors, and faults of all kinds, from one seed. */
import type { SectorRange } from '../../src/core/strict/range.js';
import type { RangeData } from '../../src/core/strict/replicaMessage.js';
import { EXTENT_SECTORS } from '../../src/core/strict/range.js';
import { AtomicDiskError } from '../../src/errors.js';
import type { Dice } from '../helpers/seed.js';
import type { Operation, Value } from '../linearizability/history.js';
import type { Client } from './memoryCluster.js';
import { MemoryCluster } from './memoryCluster.js';
import type { Host } from './memoryPort.js';
import { namesIn, sectorNamed } from './values.js';

/** The last sectors of an extent and the first of the next one. */
const FIRST = EXTENT_SECTORS - 4;
const SECTORS = 8;
const FAULTS_MS = 2_000;
const FAULT_PAUSE_MS = 40;
const CLIENTS = 3;
const LOOPS = 3;
/** All is well then: every operation has to end within that time. */
const REST_MS = 30_000;

type Kind = 'read' | 'write' | 'update';

interface Tracked {
  readonly client: Client;
  readonly kind: Kind;
  readonly range: SectorRange;
  readonly written: readonly Value[];
  readonly invoke: number;
  /** null: unknown. */
  end: { readonly atMs: number; readonly read: readonly Value[] } | null;
  isOver: boolean;
}

export interface HistoryRun {
  readonly seed: number;
  readonly history: readonly Operation[];
  /** What has not ended; empty: all has. */
  readonly stuck: string;
  readonly counts: Readonly<Record<Kind, number>>;
}

export function runHistory(options: { readonly processCount: number; readonly seed: number }): HistoryRun {
  return new RandomHistory(options.processCount, options.seed).run();
}

class RandomHistory {
  readonly #cluster: MemoryCluster;
  readonly #dice: Dice;
  readonly #tracked: Tracked[] = [];
  /** When clients have crashed. */
  readonly #crashes = new Map<Client, number>();
  #nameCount = 0;
  #isResting = false;

  constructor(
    processCount: number,
    private readonly seed: number,
  ) {
    this.#cluster = new MemoryCluster({ processCount, seed });
    this.#dice = this.#cluster.dice;
  }

  run(): HistoryRun {
    for (let count = 0; count < CLIENTS; count += 1) this.#addClient();
    for (let atMs = 0; atMs < FAULTS_MS; atMs += FAULT_PAUSE_MS) {
      this.#cluster.advance(FAULT_PAUSE_MS);
      this.#fault();
    }
    this.#isResting = true;
    // Those that have lost a disk need the others.
    const isLost = (host: Host): number => (host.replica.isMember ? 0 : 1);
    for (const host of this.#cluster.hosts.toSorted((a, b) => isLost(a) - isLost(b))) this.#restore(host);
    const isEnded = ({ isOver, client }: Tracked): boolean => isOver || this.#crashes.has(client);
    this.#cluster.advance(REST_MS, () => this.#tracked.every(isEnded));
    const stuck = this.#tracked.filter((one) => !isEnded(one)).map(({ kind, range }) => `${kind} of ${range.first}`);
    const last = this.#cluster.addClient();
    for (let sector = FIRST; sector < FIRST + SECTORS; sector += 1) {
      this.#begin(last, 'read', { first: sector, count: 1 }, () => undefined);
    }
    this.#cluster.advance(REST_MS, () => this.#tracked.every(isEnded));
    const counts = { read: 0, write: 0, update: 0 };
    for (const { kind, end } of this.#tracked) if (end !== null) counts[kind] += 1;
    return { seed: this.seed, history: this.#history(), stuck: stuck.join(', '), counts };
  }

  #addClient(): void {
    const client = this.#cluster.addClient({ operations: 4 });
    for (let loop = 0; loop < LOOPS; loop += 1) this.#loop(client);
  }

  #loop(client: Client): void {
    if (this.#isResting) return;
    const kind = this.#dice.pick<Kind>(['read', 'read', 'write', 'write', 'update']);
    this.#begin(client, kind, this.#range(kind), () => {
      this.#cluster.world.schedule(client.actor, this.#dice.below(5_000), () => {
        this.#loop(client);
      });
    });
  }

  #range(kind: Kind): SectorRange {
    const first = FIRST + this.#dice.below(SECTORS);
    const end = first < EXTENT_SECTORS ? EXTENT_SECTORS : FIRST + SECTORS;
    return { first, count: kind === 'update' ? 1 : 1 + this.#dice.below(Math.min(3, end - first)) };
  }

  #begin(client: Client, kind: Kind, range: SectorRange, onEnd: () => void): void {
    const { coordinator, actor } = client;
    const written = Array.from({ length: range.count }, (): Value => {
      this.#nameCount += 1;
      return kind === 'read' ? null : `${kind}${this.#nameCount}`;
    });
    const bytes = (): Uint8Array => Buffer.concat(written.map((name) => sectorNamed(name ?? '')));
    const one: Tracked = { client, kind, range, written, invoke: this.#instant(), end: null, isOver: false };
    this.#tracked.push(one);
    const over = (end: Tracked['end']): void => {
      if (one.isOver) return;
      one.isOver = true;
      one.end = end;
      onEnd();
    };
    let read: readonly Value[] = [];
    const result$ = {
      read: () => coordinator.readRange(range),
      write: () => coordinator.writeRange(range, bytes()),
      update: () => coordinator.update(range.first, () => bytes()),
    }[kind]();
    const subscription = result$.subscribe({
      next: (data: RangeData) => {
        read = namesIn(data, range.count);
      },
      complete: () => {
        over({ atMs: this.#instant(), read });
      },
      error: (error: unknown) => {
        // Only an update may fail here.
        if (!(error instanceof AtomicDiskError) || error.code !== 'ATDD_OUTCOME_UNKNOWN') throw error;
        over(null);
      },
    });
    if (!this.#dice.chance(5)) return;
    this.#cluster.world.schedule(actor, this.#dice.below(20_000), () => {
      subscription.unsubscribe();
      over(null);
    });
  }

  #instant(): number {
    return this.#cluster.world.instantMs();
  }

  #fault(): void {
    const { hosts } = this.#cluster;
    const host = this.#dice.pick(hosts);
    switch (this.#dice.below(10)) {
      case 0:
      case 1:
        this.#cluster.stop(host);
        break;
      case 2:
        this.#cluster.silence(host);
        break;
      case 3:
        host.slowness = 20;
        break;
      case 4:
        for (const port of host.ports) if (this.#dice.chance(50)) port.break();
        break;
      case 5:
        // A majority of disks must not be lost.
        if (hosts.some(({ replica }) => !replica.isMember)) break;
        this.#cluster.stop(host);
        host.replica.loseDisk();
        break;
      case 6:
        this.#crashClient();
        break;
      default:
        this.#restore(host);
    }
  }

  #crashClient(): void {
    const clients = this.#cluster.clients.filter((client) => !this.#crashes.has(client));
    const client = this.#dice.pick(clients);
    this.#crashes.set(client, this.#instant());
    this.#cluster.crashClient(client);
    this.#addClient();
  }

  #restore(host: Host): void {
    this.#cluster.wake(host);
    host.slowness = 1;
    if (!host.replica.isMember) {
      const members = this.#cluster.hosts
        .filter(({ replica, actor, isSilent }) => replica.isMember && !actor.isDead && !isSilent)
        .map(({ replica }) => replica);
      if (!host.replica.rejoin(members, FIRST + SECTORS)) {
        if (this.#isResting) throw new Error('nobody is there to list');
        return;
      }
    }
    this.#cluster.restart(host);
    for (const port of host.ports) port.connect();
  }

  /**
   * A write whose client has crashed took effect before or never: if it was read, it ended at the crash; if it was not,
   * it is left out.
   */
  #history(): Operation[] {
    const seen = new Set<Value>(this.#tracked.flatMap(({ end }) => end?.read ?? []));
    return this.#tracked.flatMap(({ client, kind, range, written, invoke, end }) => {
      if (kind === 'read' && end === null) return [];
      const crash = this.#crashes.get(client);
      const name = `client ${this.#cluster.clients.indexOf(client)}`;
      return written.flatMap((value, index): Operation[] => {
        if (end === null && crash !== undefined && !seen.has(value)) return [];
        const of = { client: name, sector: range.first + index, invoke, return: end?.atMs ?? crash ?? null };
        return kind === 'read'
          ? [{ ...of, kind: 'read', value: end?.read[index] ?? null }]
          : [{ ...of, kind: 'write', value }];
      });
    });
  }
}
