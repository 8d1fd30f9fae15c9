/**
 * Clients on a few hot sectors of a cluster that is being mistreated, and the record of what they saw. Each client asks
 * one thing at a time of some process, goes elsewhere when its connection breaks or it has waited too long, and never
 * asks for the same write twice.
 */
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import { checkLinearizable } from '../linearizability/check.js';
import type { Operation, Pending } from '../linearizability/history.js';
import { HistoryRecorder } from '../linearizability/history.js';
import type { Cluster } from './cluster.js';
import { HANG_MS } from './hang.js';
import type { Address, Outcome, RawClient } from './rawClient.js';
import { nameOf, sectorNamed } from './sectorValue.js';
import type { Dice } from './seed.js';

/**
 * A sector with many writes, or with few: a slow writer whose value is overtaken before anybody could see it shows
 * nothing.
 */
export interface HotSector {
  readonly sector: number;
  /** Of the operations on it. */
  readonly writePercent: number;
}

export interface WorkloadOptions {
  readonly cluster: Cluster;
  readonly clientCount: number;
  readonly sectors: readonly HotSector[];
  readonly random: Dice;
  /** How long a client waits for an answer before it breaks the connection. */
  readonly patienceMs: number;
  /** Where each process is to be reached, by rank. Default: where it listens. */
  readonly addresses?: readonly Address[];
  /** Resolves when one more operation may begin. Default: always. */
  readonly mayBegin?: () => Promise<void>;
  readonly onAnswer?: () => void;
}

/** After something went without an answer. The next process may be as dead as the last. */
const REST_MS = 20;

export class Workload {
  readonly recorder = new HistoryRecorder(() => performance.now());
  /** What processes did against the protocol. */
  readonly faults: string[] = [];
  readonly answered = { read: 0, write: 0 };
  readonly unknown = { read: 0, write: 0 };
  /** Of each client, when it asked for what it was answered last. */
  readonly lastAnsweredAskedAt: number[];
  private stopping = false;
  private readonly clients: Promise<void>[];

  constructor(private readonly options: WorkloadOptions) {
    this.lastAnsweredAskedAt = Array.from({ length: options.clientCount }, () => -Infinity);
    this.clients = this.lastAnsweredAskedAt.map((_, index) => this.runClient(index));
  }

  get answeredCount(): number {
    return this.answered.read + this.answered.write;
  }

  /**
   * Resolves when so many more operations were answered, however long that takes on this machine.
   * @throws if it never comes to that.
   */
  async untilAnswered(count: number): Promise<void> {
    const wanted = this.answeredCount + count;
    const giveUpAt = performance.now() + HANG_MS;
    while (this.answeredCount < wanted) {
      if (performance.now() > giveUpAt) {
        throw new Error(`${wanted - this.answeredCount} of ${count} answers did not come`);
      }
      await sleep(REST_MS);
    }
  }

  /** Resolves when every client has finished or given up what it was doing. */
  async stop(): Promise<void> {
    this.stopping = true;
    await Promise.all(this.clients);
  }

  /** Reads every sector through each of the processes, as part of the history. */
  async readAll(ranks: readonly number[]): Promise<void> {
    const { cluster, sectors } = this.options;
    const indexes = sectors.map(({ sector }) => sector);
    this.faults.push(...(await readEach(cluster, ranks, indexes, this.recorder)));
  }

  private async runClient(index: number): Promise<void> {
    const { cluster, sectors, random, patienceMs, mayBegin, onAnswer } = this.options;
    const name = `client ${index + 1}`;
    let client: RawClient | null = null;
    for (let count = 0; !this.stopping && !cluster.isTornDown; count += 1) {
      await mayBegin?.();
      if (client?.isOpen !== true) client = await this.connect();
      if (client === null) continue;
      const { sector, writePercent } = random.pick(sectors);
      const kind = random.below(100) >= writePercent ? 'read' : 'write';
      const value = kind === 'write' ? `${name}, write ${count}` : null;
      const askedAt = performance.now();
      const pending = this.recorder.begin(name, sector, kind, value);
      const answer = value === null ? client.read(sector) : client.write(sector, sectorNamed(value));
      const outcome = await within(patienceMs, client, answer);
      this.settle(pending, kind, outcome);
      if (outcome.kind === 'answered') {
        this.lastAnsweredAskedAt[index] = askedAt;
        onAnswer?.();
      } else await sleep(REST_MS);
      // Now and then elsewhere, so that every process keeps being a coordinator for every sector.
      if (random.below(50) === 0) {
        await this.close(client);
        client = null;
      }
    }
    if (client !== null) await this.close(client);
  }

  /** Null if that process does not take a connection now. */
  private async connect(): Promise<RawClient | null> {
    const { cluster, random, addresses = cluster.addresses } = this.options;
    const rank = random.pick(cluster.ranks);
    try {
      return await cluster.client(rank, { address: addresses[rank - 1], connectTimeoutMs: 1_000 });
    } catch {
      await sleep(REST_MS);
      return null;
    }
  }

  private settle(pending: Pending, kind: 'read' | 'write', outcome: Outcome): void {
    if (settle(pending, kind, outcome, this.faults)) this.answered[kind] += 1;
    else this.unknown[kind] += 1;
  }

  private async close(client: RawClient): Promise<void> {
    await client.destroy();
    this.faults.push(...client.faults);
  }
}

/**
 * Reads sectors through each process, with a client of its own and as part of a history.
 * @returns what was wrong, an answer that did not come included.
 */
export async function readEach(
  cluster: Cluster,
  ranks: readonly number[],
  sectors: readonly number[],
  recorder: HistoryRecorder,
): Promise<string[]> {
  const faults: string[] = [];
  for (const rank of ranks) {
    const client = await cluster.client(rank);
    for (const sector of sectors) {
      const pending = recorder.begin(`last reader at ${rank}`, sector, 'read');
      const outcome = await within(HANG_MS, client, client.read(sector));
      if (settle(pending, 'read', outcome, faults)) continue;
      faults.push(`the last READ of sector ${sector} at process ${rank} was not answered`);
    }
    await client.destroy();
    faults.push(...client.faults);
  }
  return faults;
}

/** The outcome, which is unknown once patience is at an end: then the connection is broken. */
async function within(ms: number, client: RawClient, answer: Promise<Outcome>): Promise<Outcome> {
  const timer = setTimeout(() => client.socket.destroy(), ms);
  const outcome = await answer;
  clearTimeout(timer);
  return outcome;
}

/** @returns whether there was a good answer. */
function settle(pending: Pending, kind: 'read' | 'write', outcome: Outcome, faults: string[]): boolean {
  const fault = faultIn(kind, outcome);
  if (fault !== null) faults.push(fault);
  if (fault !== null || outcome.kind === 'unknown') {
    pending.unknown();
    return false;
  }
  if (kind === 'write') pending.answered();
  else pending.answered(outcome.data === null ? null : nameOf(outcome.data));
  return true;
}

function faultIn(kind: 'read' | 'write', outcome: Outcome): string | null {
  if (outcome.kind === 'unknown') return null;
  if (outcome.status !== 'Ok') return `a good request was answered with ${outcome.status}`;
  return kind === 'read' && outcome.data === null ? 'a READ was answered without data' : null;
}

/** Fails the test, with the explanation, if the history is not linearizable; keeps the history. */
export async function assertLinearizable(t: ExecutionContext, history: readonly Operation[]): Promise<void> {
  const result = checkLinearizable(history);
  if (result.ok) {
    t.pass();
    return;
  }
  const file = path.join(tmpdir(), `atdd-history-${process.pid}-${Date.now()}.json`);
  await writeFile(file, JSON.stringify(history));
  t.log(`the whole history: ${file}`);
  t.fail(result.violations.map(({ text }) => text).join('\n'));
}
