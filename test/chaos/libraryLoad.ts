/**
 * Clients of the product's own library, on sectors of their own: each is the only writer of its sectors, and all read
 * all of them. The library sends a write again when its process is lost, so a write may take effect twice; with one
 * writer for each sector nobody ever notices, and the history must be that of plain registers
 * (docs/adr/0006-client-resubmission.md, and judge.ts for the case that remains). No operation may fail, and each must
 * end once the cluster is well again.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { AtomicDiskClient, AttemptEvent } from '../../src/client/client.js';
import { openClient } from '../../src/client/client.js';
import type { Pending } from '../linearizability/history.js';
import { HistoryRecorder } from '../linearizability/history.js';
import type { Cluster } from '../helpers/cluster.js';
import type { Address } from '../helpers/rawClient.js';
import { nameOf, sectorNamed } from '../helpers/sectorValue.js';
import type { Dice } from '../helpers/seed.js';

export interface LibraryLoadOptions {
  readonly cluster: Cluster;
  readonly addresses: readonly Address[];
  readonly clientCount: number;
  readonly random: Dice;
}

export interface LibraryLoadHooks {
  /** Resolves when one more operation may begin. */
  mayBegin(): Promise<void>;
  onAnswer(): void;
  fail(reason: string): void;
}

/** An attempt to write that was never answered; the value was sent again, or is to be. */
export interface LostAttempt {
  readonly sector: number;
  readonly value: string;
  readonly rank: number;
  readonly attempt: number;
  readonly sentAt: number;
  readonly lostAt: number;
}

const FIRST_SECTOR = 100;
/** Of each client: the share of writes among what the writer does with it. */
const WRITE_PERCENTS = [50, 15, 5];
/** Of each client, of all sectors: what comes back for a moment only has to be seen in it. */
const READER_COUNT = 2;
/** When a client leaves a process that does not answer; the last is the library's default. */
const UNANSWERED_MS = [700, 1_200, 10_000];

export class LibraryLoad {
  readonly recorder = new HistoryRecorder(() => performance.now());
  readonly answered = { read: 0, write: 0 };
  readonly lostAttempts: LostAttempt[] = [];
  /** Of each loop, when it asked for what it was answered last. */
  readonly lastAnsweredAskedAt = new Map<string, number>();
  readonly sectors: readonly number[];
  private readonly clients: readonly AtomicDiskClient[];
  private loops: Promise<void>[] = [];
  private stopping = false;
  private isClosing = false;
  private readonly hung: string[] = [];
  /** What each sector's writer is writing: of a sector one write is under way at a time. */
  private readonly writing = new Map<number, string>();
  private readonly sentAt = new Map<string, number>();
  private readonly underWay = new Map<string, number>();

  constructor(private readonly options: LibraryLoadOptions) {
    const count = options.clientCount * WRITE_PERCENTS.length;
    this.sectors = Array.from({ length: count }, (_, index) => FIRST_SECTOR + index);
    this.clients = Array.from({ length: options.clientCount }, (_, index) => this.open(index));
  }

  start(hooks: LibraryLoadHooks): void {
    this.loops = this.clients.flatMap((client, index) => this.loopsOf(client, index, hooks));
  }

  /** What the clients counted, added up. */
  get counters(): Record<string, number> {
    const sums: Record<string, number> = {};
    for (const { counters } of this.clients) {
      for (const [name, count] of Object.entries(counters)) sums[name] = (sums[name] ?? 0) + count;
    }
    return sums;
  }

  /** Operations that did not end, and what processes did against the protocol. */
  get faults(): string[] {
    const { badTagResponses = 0, unexpectedResponses = 0 } = this.counters;
    if (badTagResponses + unexpectedResponses === 0) return this.hung;
    const strange = `${badTagResponses} wrong tags, ${unexpectedResponses} unexpected responses`;
    return [...this.hung, `library: ${strange}`];
  }

  /** Lets every operation end, which they must within the time, and closes the clients. */
  async stop(timeoutMs: number): Promise<void> {
    this.stopping = true;
    const ended = Promise.all(this.loops);
    await Promise.race([ended, sleep(timeoutMs, null, { ref: false })]);
    const now = performance.now();
    for (const [what, since] of this.underWay) {
      this.hung.push(`${what} has not ended in ${Math.round(now - since)} ms`);
    }
    await this.close();
  }

  /** Closes the clients, whatever they have under way. */
  async close(): Promise<void> {
    this.stopping = true;
    this.isClosing = true;
    await Promise.all(this.clients.map((client) => client.close()));
  }

  private open(index: number): AtomicDiskClient {
    const { cluster, addresses } = this.options;
    return openClient({
      processes: addresses,
      clientKey: cluster.clientKey,
      timeouts: { unansweredMs: UNANSWERED_MS[index % UNANSWERED_MS.length], reconnectMsMax: 300 },
      onAttempt: (event) => {
        this.noteAttempt(event);
      },
    });
  }

  private loopsOf(client: AtomicDiskClient, index: number, hooks: LibraryLoadHooks): Promise<void>[] {
    const { random } = this.options;
    const name = `library ${index + 1}`;
    const own = WRITE_PERCENTS.map((percent, place) => {
      const sector = this.sectors[index * WRITE_PERCENTS.length + place];
      return this.loop(hooks, `${name}, writer of ${sector}`, async (who, count) => {
        if (random.below(100) >= percent) await this.read(client, who, sector);
        else await this.write(client, who, sector, `${who}, write ${count}`);
      });
    });
    const readers = Array.from({ length: READER_COUNT }, (_, place) =>
      this.loop(hooks, `${name}, reader ${place + 1}`, (who) => this.read(client, who, random.pick(this.sectors))),
    );
    return [...own, ...readers];
  }

  private async loop(
    hooks: LibraryLoadHooks,
    who: string,
    perform: (who: string, count: number) => Promise<void>,
  ): Promise<void> {
    this.lastAnsweredAskedAt.set(who, -Infinity);
    for (let count = 0; !this.stopping; count += 1) {
      await hooks.mayBegin();
      const askedAt = performance.now();
      this.underWay.set(`operation ${count} of ${who}`, askedAt);
      try {
        await perform(who, count);
      } catch (error) {
        if (!this.isClosing) hooks.fail(`operation ${count} of ${who}: ${String(error)}`);
        return;
      }
      this.underWay.delete(`operation ${count} of ${who}`);
      this.lastAnsweredAskedAt.set(who, askedAt);
      hooks.onAnswer();
    }
  }

  private async read(client: AtomicDiskClient, who: string, sector: number): Promise<void> {
    const pending = this.recorder.begin(who, sector, 'read');
    const data = await outcomeOf(client.readSector(sector), pending);
    pending.answered(nameOf(Buffer.from(data.buffer, data.byteOffset, data.byteLength)));
    this.answered.read += 1;
  }

  private async write(client: AtomicDiskClient, who: string, sector: number, value: string): Promise<void> {
    const pending = this.recorder.begin(who, sector, 'write', value);
    this.writing.set(sector, value);
    await outcomeOf(client.writeSector(sector, sectorNamed(value)), pending);
    pending.answered();
    this.answered.write += 1;
  }

  private noteAttempt({ kind, sector, rank, attempt, event }: AttemptEvent): void {
    if (kind === 'read') return;
    const key = `${sector}`;
    const now = performance.now();
    if (event === 'sent') this.sentAt.set(key, now);
    if (event !== 'lost') return;
    const value = this.writing.get(sector) ?? 'unknown';
    const sentAt = this.sentAt.get(key) ?? now;
    this.lostAttempts.push({ sector, value, rank, attempt, sentAt, lostAt: now });
  }
}

/** A write that failed may have happened. */
async function outcomeOf<Result>(result: Promise<Result>, pending: Pending): Promise<Result> {
  try {
    return await result;
  } catch (error) {
    pending.unknown();
    throw error;
  }
}
