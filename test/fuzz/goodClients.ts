/**
 * The clients that behave, while others do not: each writes to sectors of its own through one process and reads them
 * through another, and gets what it wrote.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster } from '../helpers/cluster.js';
import { HANG_MS } from '../helpers/hang.js';
import type { Outcome, RawClient } from '../helpers/rawClient.js';
import { nameOf, sectorNamed } from '../helpers/sectorValue.js';
import { within } from '../helpers/within.js';

const SECTORS_EACH = 8;
/** So that they leave the machine to the others for a while. */
const PAUSE_MS = 5;

export class GoodClients {
  operationCount = 0;
  private longestMs = 0;
  private readonly faults: string[] = [];
  private isStopping = false;
  private readonly running: Promise<void>[] = [];

  private constructor(private readonly clients: readonly RawClient[]) {}

  /** One at each process; they work from now on. */
  static async start(cluster: Cluster, ranks: readonly number[]): Promise<GoodClients> {
    const good = new GoodClients(await Promise.all(ranks.map((rank) => cluster.client(rank))));
    for (const index of ranks.keys()) good.running.push(good.work(index));
    return good;
  }

  /** @throws if any of them was not served as it should be. */
  check(): void {
    const faults = [...this.faults, ...this.clients.flatMap((client) => client.faults)];
    if (faults.length > 0) throw new Error(`a client that behaves: ${faults.join('; ')}`);
  }

  /** How long the slowest operation took since this was last asked. */
  takeLongestMs(): number {
    const longestMs = this.longestMs;
    this.longestMs = 0;
    return longestMs;
  }

  /** Resolves when so many more operations are done. */
  async untilDone(count: number): Promise<void> {
    const target = this.operationCount + count;
    while (this.operationCount < target) {
      this.check();
      await sleep(10);
    }
  }

  async stop(): Promise<void> {
    this.isStopping = true;
    await Promise.all(this.running);
    await Promise.all(this.clients.map((client) => client.destroy()));
  }

  private async work(index: number): Promise<void> {
    for (let count = 0; this.mayGoOn(); count += 1) {
      const sector = index * SECTORS_EACH + (count % SECTORS_EACH);
      const name = `client ${index}, ${count}`;
      const written = this.clients[index].write(sector, sectorNamed(name));
      await this.ask(`WRITE of sector ${sector}`, written);
      const reader = this.clients[(index + count) % this.clients.length];
      const data = await this.ask(`READ of sector ${sector}`, reader.read(sector));
      const value = data === null ? null : nameOf(data);
      if (this.mayGoOn() && value !== name) {
        this.faults.push(`sector ${sector} should hold "${name}" and holds "${value}"`);
      }
      await sleep(PAUSE_MS);
    }
  }

  /** One fault is enough, and others may follow from it. */
  private mayGoOn(): boolean {
    return !this.isStopping && this.faults.length === 0;
  }

  private async ask(what: string, answer: Promise<Outcome>): Promise<Buffer | null> {
    const began = performance.now();
    const outcome = await within(HANG_MS, answer);
    this.longestMs = Math.max(this.longestMs, performance.now() - began);
    this.operationCount += 1;
    if (outcome === 'too late') this.faults.push(`${what}: no answer in ${HANG_MS} ms`);
    else if (outcome.kind === 'unknown') this.faults.push(`${what}: the connection broke`);
    else if (outcome.status !== 'Ok') this.faults.push(`${what}: ${outcome.status}`);
    else return outcome.data;
    return null;
  }
}

/** Sectors that nobody else writes to. */
export const goodSectors = (clientCount: number): number => clientCount * SECTORS_EACH;
