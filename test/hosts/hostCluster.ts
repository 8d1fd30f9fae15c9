/** A cluster of real processes, one on each of the first N hosts, and its gateways and clients on any host. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RegisterMode } from '../../src/core/membership/registerMode.js';
import { inFull, MAIN_FILE } from '../helpers/cluster.js';
import { HANG_MS } from '../helpers/hang.js';
import type { Address } from '../helpers/rawClient.js';
import type { HostNetwork } from './hostNetwork.js';
import { HostProgram } from './hostProgram.js';
import type { ClientOrder } from './libraryClient.js';
import type { Client } from './options.js';

/** This file runs as dist/test/hosts/hostCluster.js. The program of Python stays where it is. */
const NBD_PROGRAM = fileURLToPath(new URL('../../../test/hosts/nbdLoad.py', import.meta.url));
const LIBRARY_PROGRAM = fileURLToPath(new URL('libraryClient.js', import.meta.url));

const PROCESS_PORT = 7101;
const GATEWAY_PORT = 10809;
const GATEWAY_URI = `nbd://127.0.0.1:${GATEWAY_PORT}`;
const WAIT_FULL_S = 120;

export type LoadOrder = Pick<ClientOrder, 'kind' | 'depth' | 'sectors' | 'name' | 'graceMs'>;

export class HostCluster {
  private readonly folder = mkdtempSync(path.join(tmpdir(), 'atdd-hosts-'));
  private readonly clientKey = randomBytes(32).toString('hex');
  private readonly processes = new Map<number, HostProgram>();
  private readonly addresses: readonly Address[];

  constructor(
    readonly network: HostNetwork,
    readonly processCount: number,
    private readonly python: string,
    config: { readonly sectors: number; readonly members: RegisterMode },
  ) {
    process.once('exit', this.removeFolder);
    this.addresses = this.ranks.map((rank) => ({ host: network.addressOf(rank), port: PROCESS_PORT }));
    const secret = { mode: 0o600 };
    writeFileSync(path.join(this.folder, 'client.key'), this.clientKey, secret);
    writeFileSync(path.join(this.folder, 'system.key'), randomBytes(64).toString('hex'), secret);
    const configuration = {
      processes: this.addresses.map(inFull),
      ...config,
      storage: 'data/{rank}',
      keys: { client: 'client.key', system: 'system.key' },
    };
    writeFileSync(this.configFile, JSON.stringify(configuration));
  }

  get ranks(): number[] {
    return Array.from({ length: this.processCount }, (_, index) => index + 1);
  }

  /** Of the gateway: it runs no process. */
  get gatewayHost(): number {
    return this.processCount + 1;
  }

  /** Resolves when all processes are members. */
  async start(): Promise<void> {
    for (const rank of this.ranks) this.launch(rank);
    await this.untilFull();
  }

  launch(rank: number): void {
    const words = ['run', '--config', this.configFile, '--rank', `${rank}`];
    this.processes.set(rank, this.node(rank, `process ${rank}`, [MAIN_FILE, ...words]));
  }

  /** The running process of that rank. */
  process(rank: number): HostProgram {
    const found = this.processes.get(rank);
    if (found === undefined) throw new Error(`process ${rank} was never started`);
    return found;
  }

  /** Resolves when no process lacks anything. @throws if that takes too long. */
  async untilFull(): Promise<void> {
    const words = ['status', '--config', this.configFile, '--wait-full', `${WAIT_FULL_S}`];
    const status = this.node(this.gatewayHost, 'atdd status', [MAIN_FILE, ...words]);
    const { code, output } = await status.toItsEnd(HANG_MS);
    for (const running of this.processes.values()) running.check();
    if (code !== 0) throw new Error(`the redundancy is not full after ${WAIT_FULL_S} s:\n${output}${status.said}`);
  }

  /** Resolves when it serves. Clients on the same host reach it. */
  async startGateway(host: number): Promise<HostProgram> {
    const words = ['nbd', '--config', this.configFile, '--listen', `127.0.0.1:${GATEWAY_PORT}`];
    const gateway = this.node(host, `the gateway on host ${host}`, [MAIN_FILE, ...words]);
    await gateway.until(({ output, said }) => /"ready"/.test(output + said), 'the message that it is ready');
    return gateway;
  }

  /** Runs until SIGTERM, and prints a line for each operation (operationLine.ts). */
  startLoad(through: Client, host: number, order: LoadOrder): HostProgram {
    const { kind, depth, sectors, name, graceMs } = order;
    const title = `the client ${name}`;
    if (through === 'nbd') {
      const words = [kind, depth, sectors, name, graceMs / 1_000].map(String);
      const command = [this.python, NBD_PROGRAM, GATEWAY_URI, 'load', ...words];
      return new HostProgram(this.network, host, title, command);
    }
    const full: ClientOrder = { ...order, processes: this.addresses, clientKey: this.clientKey };
    return this.node(host, title, [LIBRARY_PROGRAM, JSON.stringify(full)]);
  }

  /** Writes so many sectors through the gateway on that host. */
  async fill(host: number, sectors: number): Promise<void> {
    await this.nbd(host, 'fill', sectors);
  }

  /** Reads so many sectors through the gateway on that host: the name in each of them. */
  async dump(host: number, sectors: number): Promise<string[]> {
    return (await this.nbd(host, 'dump', sectors)).trimEnd().split('\n');
  }

  /** Ends the processes, however they are, and removes what they have kept. */
  async end(): Promise<void> {
    await Promise.all([...this.processes.values()].map((running) => running.end('SIGKILL')));
    process.off('exit', this.removeFolder);
    this.removeFolder();
  }

  private async nbd(host: number, mode: string, sectors: number): Promise<string> {
    const command = [this.python, NBD_PROGRAM, GATEWAY_URI, mode, `${sectors}`];
    const program = new HostProgram(this.network, host, `${mode} on host ${host}`, command);
    const { code, output } = await program.toItsEnd(HANG_MS);
    if (code !== 0) throw new Error(`${mode} on host ${host} ended with ${code}:\n${program.said}`);
    return output;
  }

  private get configFile(): string {
    return path.join(this.folder, 'cluster.json');
  }

  private node(host: number, name: string, words: readonly string[]): HostProgram {
    return new HostProgram(this.network, host, name, [process.execPath, ...words]);
  }

  private readonly removeFolder = (): void => {
    // Programs that were killed a moment ago may still be about to end.
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  };
}
