/**
 * A cluster of real processes (`node dist/main.js`) on loopback for one test: free ports, fresh keys, a folder of its
 * own. Whatever happens to the test, its processes are ended (each by its pid) and its folder is removed; what they
 * logged is shown if it failed. A process that ends although nobody ended it fails the test.
 */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { endsWithTests } from './children.js';
import { HANG_MS } from './hang.js';
import { freeAddresses } from './ports.js';
import { untilStatus } from './processStatus.js';
import type { Address, RawClientOptions } from './rawClient.js';
import { RawClient } from './rawClient.js';
import type { TestScope } from './testScope.js';

/** This file runs as <dist>/test/helpers/cluster.js. */
export const MAIN_FILE = fileURLToPath(new URL('../../main.js', import.meta.url));

export interface ClusterOptions {
  readonly processCount: number;
  readonly sectors?: number;
  /** Ranks that are not started, because the test has something else in their place. */
  readonly absent?: readonly number[];
  /**
   * Rank of the process that is told to found the cluster when it is started for the first time; null: none is.
   * Default: where its processes do not found it by themselves (there is one alone, some are absent, or their lists of
   * addresses differ), the lowest that is started.
   */
  readonly founder?: number | null;
  /** Fields of the configuration file beside its core. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Puts something between the processes: what process `rank` takes for the addresses of all. */
  readonly network?: (addresses: readonly Address[]) => Promise<{ addressesSeenBy(rank: number): readonly Address[] }>;
  /** Changes the command line that starts a process: to run it under a limit or a tracer. */
  readonly wrap?: (command: readonly string[], rank: number) => readonly string[];
  /** Is told what a process logs, in pieces. */
  readonly onLog?: (rank: number, text: string) => void;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

interface Member {
  readonly rank: number;
  child: ChildProcess | null;
  exit: Promise<Exit>;
  exitIsExpected: boolean;
  wasLaunched: boolean;
  log: string;
}

const LOG_LENGTH_MAX = 200_000;
const LOG_TAIL_LINES = 25;
export class Cluster {
  private readonly members: Member[];

  /** Writes the files of a cluster and starts its processes; resolves when all of them answer. */
  static async start(t: TestScope, options: ClusterOptions): Promise<Cluster> {
    const cluster = await Cluster.prepare(t, options);
    await cluster.startAll();
    return cluster;
  }

  /** Writes the files of a cluster and starts nothing yet. */
  static async prepare(t: TestScope, options: ClusterOptions): Promise<Cluster> {
    const folder = await mkdtemp(path.join(tmpdir(), 'atdd-test-'));
    const addresses = await freeAddresses(options.processCount);
    const cluster = new Cluster(t, options, folder, [...addresses]);
    t.teardown(() => cluster.tearDown());
    const secret = { mode: 0o600 };
    await writeFile(cluster.fileIn('client.key'), cluster.clientKey.toString('hex'), secret);
    await writeFile(cluster.fileIn('system.key'), cluster.systemKey.toString('hex'), secret);
    const network = await options.network?.(addresses);
    for (const rank of cluster.ranks) {
      const processes = (network?.addressesSeenBy(rank) ?? addresses).map(inFull);
      await cluster.configure({ processes }, [rank]);
    }
    return cluster;
  }

  /** The test is over, also one that failed half way: whoever uses the cluster has to end. */
  isTornDown = false;
  readonly clientKey = randomBytes(32);
  readonly systemKey = randomBytes(64);

  private constructor(
    private readonly t: TestScope,
    private readonly options: ClusterOptions,
    readonly folder: string,
    /** Changed by `move` alone. */
    readonly addresses: Address[],
  ) {
    this.members = addresses.map((_, index) => ({
      rank: index + 1,
      child: null,
      exit: Promise.resolve({ code: null, signal: null }),
      exitIsExpected: false,
      wasLaunched: false,
      log: '',
    }));
  }

  /** Ranks of the processes that this cluster runs. */
  get ranks(): number[] {
    const absent = this.options.absent ?? [];
    return this.members.map(({ rank }) => rank).filter((rank) => !absent.includes(rank));
  }

  get keys() {
    return { clientKey: this.clientKey, systemKey: this.systemKey };
  }

  configFileOf(rank: number): string {
    return this.fileIn(`cluster-${rank}.json`);
  }

  /** The configuration file as an object, for tests that write a variant of it. */
  configuration(): Record<string, unknown> {
    return {
      processes: this.addresses.map(inFull),
      sectors: this.options.sectors ?? 1_024,
      storage: 'data/{rank}',
      keys: { client: 'client.key', system: 'system.key' },
      ...this.options.config,
    };
  }

  /** Writes the files of those processes anew; each reads its own when it is started. */
  async configure(changes: Readonly<Record<string, unknown>>, ranks = this.ranks): Promise<void> {
    for (const rank of ranks) {
      const configuration = { ...this.configuration(), ...changes };
      await writeFile(this.configFileOf(rank), JSON.stringify(configuration, null, 2));
    }
  }

  /** From now on, that is where the process is to be found. `configure` tells the processes. */
  move(rank: number, address: Address): void {
    if (this.isUp(rank)) throw new Error(`process ${rank} is running`);
    this.addresses[rank - 1] = address;
  }

  fileIn(...names: readonly string[]): string {
    return path.join(this.folder, ...names);
  }

  storageOf(rank: number): string {
    return this.fileIn('data', String(rank));
  }

  /** What a new disk in place of a broken one comes to. The process has to be down. */
  async loseDisk(rank: number): Promise<void> {
    if (this.isUp(rank)) throw new Error(`process ${rank} is running`);
    await rm(this.storageOf(rank), { recursive: true });
  }

  isUp(rank: number): boolean {
    return this.member(rank).child !== null;
  }

  pid(rank: number): number {
    const pid = this.member(rank).child?.pid;
    if (pid === undefined) throw new Error(`process ${rank} is not running`);
    return pid;
  }

  logOf(rank: number): string {
    return this.member(rank).log;
  }

  /** Starts all processes; resolves when all of them answer and vote. */
  async startAll(): Promise<void> {
    await Promise.all(this.ranks.map((rank) => this.start(rank)));
    // On a busy machine one may be late for the founding, and joins: that takes a little longer.
    await this.untilMembers();
  }

  /** Starts a process and waits until it answers. */
  async start(rank: number): Promise<void> {
    this.launch(rank);
    await this.waitReady(rank);
  }

  /** Starts a process and does not wait. */
  launch(rank: number): void {
    const member = this.member(rank);
    if (member.child !== null) throw new Error(`process ${rank} is running`);
    const plain = [
      process.execPath,
      MAIN_FILE,
      '--config',
      this.configFileOf(rank),
      '--rank',
      `${rank}`,
      ...(rank === this.founder && !member.wasLaunched ? ['--found'] : []),
    ];
    member.wasLaunched = true;
    const command = this.options.wrap?.(plain, rank) ?? plain;
    const child = endsWithTests(
      spawn(command[0], command.slice(1), {
        cwd: this.folder,
        env: cleanEnvironment(),
        stdio: ['ignore', 'pipe', 'pipe'],
      }),
    );
    const keepLog = (chunk: Buffer): void => {
      member.log = (member.log + chunk.toString()).slice(-LOG_LENGTH_MAX);
      this.options.onLog?.(rank, chunk.toString());
    };
    child.stdout.on('data', keepLog);
    child.stderr.on('data', keepLog);
    member.child = child;
    member.exitIsExpected = false;
    member.log += `--- started, pid ${child.pid}\n`;
    member.exit = new Promise((resolve) => {
      child.once('error', (error) => {
        member.child = null;
        this.failTest(`process ${rank} could not be started: ${error.message}`);
        resolve({ code: null, signal: null });
      });
      child.once('exit', (code, signal) => {
        member.child = null;
        member.log += `--- ended, code ${code}, signal ${signal}\n`;
        if (!member.exitIsExpected) {
          this.failTest(`process ${rank} ended by itself: code ${code}, signal ${signal}`);
        }
        resolve({ code, signal });
      });
    });
  }

  private get founder(): number | null {
    const { absent = [], network, founder } = this.options;
    if (founder !== undefined) return founder;
    const isTold = this.members.length === 1 || absent.length > 0 || network !== undefined;
    return isTold ? Math.min(...this.ranks) : null;
  }

  /** Resolves when the process answers a client: no quorum is needed for that. */
  async waitReady(rank: number, timeoutMs: number = HANG_MS): Promise<void> {
    const giveUpAt = performance.now() + timeoutMs;
    for (;;) {
      if (await this.answers(rank, giveUpAt)) return;
      if (!this.isUp(rank)) throw new Error(`process ${rank} ended:\n${this.tailOf(rank)}`);
      if (performance.now() > giveUpAt) {
        throw new Error(`process ${rank} did not answer in ${timeoutMs} ms:\n${this.tailOf(rank)}`);
      }
      await sleep(20);
    }
  }

  /** Resolves when each of them votes. */
  async untilMembers(ranks: readonly number[] = this.ranks): Promise<void> {
    for (const rank of ranks) {
      await untilStatus(this, rank, HANG_MS, ({ standing }) => standing === 'member');
    }
  }

  private async answers(rank: number, giveUpAt: number): Promise<boolean> {
    let client: RawClient;
    try {
      client = await this.client(rank);
    } catch {
      return false;
    }
    const left = Math.max(1, giveUpAt - performance.now());
    const outcome = await Promise.race([client.ping(), sleep(left, null, { ref: false })]);
    await client.destroy();
    if (outcome?.kind !== 'answered') return false;
    if (outcome.status === 'InvalidSectorIndex') return true;
    throw new Error(`process ${rank} answered a sector out of range with ${outcome.status}`);
  }

  /** A new connection to a process. */
  client(rank: number, options: Partial<RawClientOptions> = {}): Promise<RawClient> {
    const address = this.addresses[rank - 1];
    return RawClient.connect({ address, clientKey: this.clientKey, ...options });
  }

  /** SIGKILL: ends at once, whatever it is doing. Resolves when it is gone. */
  async kill(rank: number): Promise<void> {
    await this.end(rank, 'SIGKILL');
  }

  /** A command of the program, with the configuration of that process. */
  command(words: string, rank = 1): string[] {
    return [process.execPath, MAIN_FILE, ...words.split(' '), '--config', this.configFileOf(rank)];
  }

  /** SIGTERM. Resolves when it is gone. */
  stop(rank: number): Promise<Exit> {
    return this.end(rank, 'SIGTERM');
  }

  /** SIGSTOP: the process stands still, its connections stay open. */
  pause(rank: number): void {
    process.kill(this.pid(rank), 'SIGSTOP');
  }

  continue(rank: number): void {
    process.kill(this.pid(rank), 'SIGCONT');
  }

  /** For a process that is expected to end by itself. */
  async waitForExit(rank: number): Promise<Exit> {
    this.member(rank).exitIsExpected = true;
    return this.member(rank).exit;
  }

  /** Resident memory in bytes. */
  async residentBytes(rank: number): Promise<number> {
    const status = await readFile(`/proc/${this.pid(rank)}/status`, 'utf8');
    const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
    if (kibibytes === undefined) throw new Error('found no VmRSS in /proc');
    return Number(kibibytes) * 1024;
  }

  /** What the open descriptors of a process are, as /proc shows them. */
  async descriptors(rank: number): Promise<string[]> {
    const folder = `/proc/${this.pid(rank)}/fd`;
    const targets = (await readdir(folder)).map(async (name) => {
      try {
        return await readlink(path.join(folder, name));
      } catch {
        // Closed meanwhile.
        return null;
      }
    });
    return (await Promise.all(targets)).filter((target) => target !== null);
  }

  private async end(rank: number, signal: NodeJS.Signals): Promise<Exit> {
    const member = this.member(rank);
    if (member.child === null) throw new Error(`process ${rank} is not running`);
    member.exitIsExpected = true;
    member.child.kill(signal);
    return member.exit;
  }

  /** Fails the test from outside its own course, where nothing can catch what assertions throw. */
  private failTest(reason: string): void {
    try {
      this.t.fail(reason);
    } catch {
      // The test has taken note of it.
    }
  }

  private member(rank: number): Member {
    const member = this.members.at(rank - 1);
    if (rank < 1 || member === undefined) throw new Error(`there is no process ${rank}`);
    return member;
  }

  private tailOf(rank: number): string {
    const lines = this.member(rank).log.trimEnd().split('\n');
    return [`process ${rank}:`, ...lines.slice(-LOG_TAIL_LINES)].join('\n  ');
  }

  private async tearDown(): Promise<void> {
    this.isTornDown = true;
    const running = this.members.filter(({ child }) => child !== null);
    await Promise.all(running.map(({ rank }) => this.kill(rank)));
    if (!this.t.passed) {
      this.t.log(this.members.map(({ rank }) => this.tailOf(rank)).join('\n'));
    }
    await rm(this.folder, { recursive: true, force: true });
  }
}

export const inFull = ({ host, port }: Address): string => `${host}:${port}`;

/** Without settings of whoever runs the tests. */
export function cleanEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^(ATDD_|NODE_OPTIONS$)/.test(name));
  return Object.fromEntries(kept);
}
