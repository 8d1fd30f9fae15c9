/**
 * Clients on a few hot sectors of a cluster that is being mistreated, and the record of what they
 * saw. Each client asks one thing at a time of some process, goes elsewhere when its connection
 * breaks or it has waited too long, and never asks for the same write twice.
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
import type { Outcome, RawClient } from './rawClient.js';
import { nameOf, sectorNamed } from './sectorValue.js';
import type { Dice } from './seed.js';

/**
 * A sector with many writes, or with few: a slow writer whose value is overtaken before anybody
 * could see it shows nothing.
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
}

export class Workload {
  readonly recorder = new HistoryRecorder(() => performance.now());
  /** What processes did against the protocol. */
  readonly faults: string[] = [];
  private stopping = false;
  private readonly clients: Promise<void>[];

  constructor(private readonly options: WorkloadOptions) {
    this.clients = Array.from({ length: options.clientCount }, (_, index) =>
      this.runClient(`client ${index + 1}`),
    );
  }

  get answeredCount(): number {
    return this.recorder.operations.filter((operation) => operation.return !== null).length;
  }

  /** Resolves when every client has finished or given up what it was doing. */
  async stop(): Promise<void> {
    this.stopping = true;
    await Promise.all(this.clients);
  }

  /** Reads every sector through each of the processes, as part of the history. */
  async readAll(ranks: readonly number[]): Promise<void> {
    for (const rank of ranks) {
      const client = await this.options.cluster.client(rank);
      for (const { sector } of this.options.sectors) {
        const pending = this.recorder.begin(`last reader at ${rank}`, sector, 'read');
        this.settle(pending, 'read', await this.answerOf(client, client.read(sector)));
      }
      await this.close(client);
    }
  }

  private async runClient(name: string): Promise<void> {
    const { sectors, random } = this.options;
    let client: RawClient | null = null;
    for (let count = 0; !this.stopping; count += 1) {
      if (client?.isOpen !== true) client = await this.connect();
      if (client === null) continue;
      const { sector, writePercent } = random.pick(sectors);
      if (random.below(100) >= writePercent) {
        const pending = this.recorder.begin(name, sector, 'read');
        this.settle(pending, 'read', await this.answerOf(client, client.read(sector)));
      } else {
        const value = `${name}, write ${count}`;
        const pending = this.recorder.begin(name, sector, 'write', value);
        const outcome = client.write(sector, sectorNamed(value));
        this.settle(pending, 'write', await this.answerOf(client, outcome));
      }
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
    const { cluster, random } = this.options;
    try {
      return await cluster.client(random.pick(cluster.ranks), { connectTimeoutMs: 1_000 });
    } catch {
      await sleep(20);
      return null;
    }
  }

  /** The outcome, which is unknown once patience is at an end: then the connection is broken. */
  private async answerOf(client: RawClient, answer: Promise<Outcome>): Promise<Outcome> {
    const timer = setTimeout(() => client.socket.destroy(), this.options.patienceMs);
    const outcome = await answer;
    clearTimeout(timer);
    return outcome;
  }

  private settle(pending: Pending, kind: 'read' | 'write', outcome: Outcome): void {
    if (outcome.kind === 'unknown') {
      pending.unknown();
      return;
    }
    if (outcome.status !== 'Ok') {
      this.faults.push(`a good request was answered with ${outcome.status}`);
      pending.unknown();
    } else if (kind === 'write') pending.answered();
    else if (outcome.data === null) {
      this.faults.push('a READ was answered without data');
      pending.unknown();
    } else pending.answered(nameOf(outcome.data));
  }

  private async close(client: RawClient): Promise<void> {
    await client.destroy();
    this.faults.push(...client.faults);
  }
}

/** Fails the test, with the explanation, if the history is not linearizable; keeps the history. */
export async function assertLinearizable(
  t: ExecutionContext,
  history: readonly Operation[],
): Promise<void> {
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
