/** One run of a bench: its cluster, its yardstick, its profiles; rows as they are measured. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism, cpus, loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { ProgramScope } from '../chaos/programScope.js';
import { Cluster } from '../helpers/cluster.js';
import type { BenchName } from './baseline.js';
import { measured, readBaseline, saveBaseline, writeJson } from './baseline.js';
import { etcdVersion, startEtcd } from './etcdCluster.js';
import type { FlushCost } from './fsyncProbe.js';
import { probeFlush } from './fsyncProbe.js';
import type { LoadMode, LoadResult, LoadSpec, TargetSpec } from './loadSpec.js';
import type { CommonOptions } from './options.js';
import { memoryOf } from './processorTime.js';
import { ProfileFolder } from './profileFolder.js';
import type { Row } from './rows.js';
import { alignedLines, medianRows, rowOf, tableOf } from './rows.js';
import { runLoad } from './runLoad.js';
import type { Stall } from './stall.js';
import { stallTable } from './stall.js';

/** How many operations are under way, and over how many connections. */
export interface Shape {
  readonly connections: number;
  readonly depth: number;
}

/** More connections than that bring the client library nothing. */
const CONNECTIONS_MAX = 4;
const CONNECTIONS_OF_256 = 16;
const DISK_SECTORS = 262_144;
const ITEMS_MIN = 4_096;
const WARM_UP_MS = 1_000;
/** After a fill: flushes, merges and late acknowledgements of it are over. */
const CALM_MS = 1_000;

/** So many operations in all. */
export function shapeOf(total: number): Shape {
  const connections = total >= 256 ? CONNECTIONS_OF_256 : Math.min(total, CONNECTIONS_MAX);
  return { connections, depth: total / connections };
}

export class BenchRun {
  readonly scope = new ProgramScope();
  /** Of all rounds. */
  readonly rows: Row[] = [];
  readonly stalls: Record<string, Stall> = {};
  readonly notes: string[] = [];
  readonly profiles: ProfileFolder | null;
  /** Of the last minute, before anything was started: what others do here spoils the numbers. */
  private readonly loadAverage = loadavg()[0];
  private flush: FlushCost | null = null;
  private items = ITEMS_MIN;
  private yardstick = 'without etcd';
  private memory: readonly string[] | null = null;
  private readonly others: ChildProcess[] = [];
  private started: Cluster | null = null;

  constructor(
    readonly name: BenchName,
    readonly options: CommonOptions,
    readonly processCount: number,
  ) {
    this.profiles = options.isProfiled ? new ProfileFolder(options.profileFolder) : null;
  }

  get cluster(): Cluster {
    if (this.started === null) throw new Error('the cluster has not been started');
    return this.started;
  }

  get pids(): number[] {
    return this.cluster.ranks.map((rank) => this.cluster.pid(rank));
  }

  say(line: string): void {
    process.stdout.write(`${line}\n`);
  }

  progress(line: string): void {
    process.stderr.write(`atdd: ${line}\n`);
  }

  /** Starts the processes, and writes what will be read. */
  async start(shapes: readonly Shape[]): Promise<void> {
    const { profiles } = this;
    this.started = await Cluster.start(this.scope, {
      processCount: this.processCount,
      sectors: DISK_SECTORS,
      config: { extension: this.options.extension, workers: this.options.workers },
      ...(profiles !== null && {
        wrap: (command, rank) => profiles.wrap(command, `process ${rank}`),
      }),
    });
    this.flush = probeFlush(this.cluster.folder);
    this.items = Math.max(ITEMS_MIN, ...shapes.map((shape) => shape.connections * shape.depth));
    await this.fill(this.library, this.pids);
  }

  get library(): TargetSpec {
    const { addresses: processes, clientKey } = this.cluster;
    return { kind: 'library', processes, clientKey: clientKey.toString('hex') };
  }

  /** @param rows Measures each row once. */
  async inRounds(rows: () => Promise<void>): Promise<void> {
    for (let round = 1; round <= this.options.rounds; round += 1) {
      if (this.options.rounds > 1) this.progress(`round ${round} of ${this.options.rounds}`);
      await rows();
    }
  }

  /** A row of what the client library does. */
  async measureLibrary(what: LoadMode, shape: Shape): Promise<void> {
    const result = await this.load(this.library, what, shape, this.pids, 'client');
    this.rows.push(rowOf('library', what, shape.connections * shape.depth, result));
  }

  /** The same rows of etcd, on the same machine, disk and minute. */
  async measureEtcd(whats: readonly LoadMode[], shapes: readonly Shape[]): Promise<void> {
    if (!this.options.hasEtcd) return;
    if (etcdVersion() === null) {
      this.yardstick = 'etcd not installed (apt-get install etcd-server)';
      return;
    }
    const etcd = await startEtcd(this.scope, this.cluster.folder);
    const target: TargetSpec = { kind: 'etcd', endpoint: etcd.leader };
    await this.fill(target, etcd.pids);
    for (const what of whats) {
      for (const shape of shapes) {
        const result = await this.load(target, what, shape, etcd.pids, null);
        this.rows.push(rowOf('etcd', what, shape.connections * shape.depth, result));
      }
    }
    this.yardstick =
      `etcd ${etcd.version}: 3 members, puts of 4 KiB and ` +
      'linearizable gets, clients on the leader';
    await etcd.end();
  }

  /** @param profile What the profile of the client is called; null: none. */
  load(
    target: TargetSpec,
    mode: LoadMode,
    { connections, depth }: Shape,
    pids: readonly number[],
    profile: string | null,
    more: { readonly seconds?: number; readonly begun?: () => void } = {},
  ): Promise<LoadResult> {
    this.progress(`${target.kind}: ${mode}, ${connections} connections x ${depth}`);
    const { seconds = this.options.seconds, begun } = more;
    const spec = { target, mode, connections, depth, seconds, pids, items: this.items };
    const nodeOptions =
      profile === null
        ? []
        : (this.profiles?.optionsFor(`${profile} ${mode} ${connections * depth}`) ?? []);
    const { scope } = this;
    const full: LoadSpec = { ...spec, warmUpMs: WARM_UP_MS };
    return runLoad(scope, full, { nodeOptions, ...(begun !== undefined && { begun }) });
  }

  /** Ends with SIGTERM, so that it writes its profile. */
  endsInGoodOrder(child: ChildProcess): void {
    this.others.push(child);
  }

  /** What each process has in memory, now and at most. */
  noteMemory(): void {
    const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
    this.memory = this.cluster.ranks.map((rank) => {
      const { residentBytes, residentBytesMax } = memoryOf(this.cluster.pid(rank));
      const most = mebibytes(residentBytesMax);
      return `process ${rank}: ${mebibytes(residentBytes)} resident, ${most} at most`;
    });
  }

  /** Prints the table, writes the files that were asked for; with profiles, ends the processes. */
  async finish(setting: Readonly<Record<string, string | number>>): Promise<void> {
    const { options, name, flush, stalls } = this;
    const rows = medianRows(this.rows);
    if (flush === null) throw new Error('nothing was measured');
    const baseline = readBaseline()[name];
    if (this.memory === null) this.noteMemory();
    const memory = this.memory ?? [];
    this.say(this.describeSetting(flush));
    for (const line of alignedLines(tableOf(rows, baseline?.rows ?? {}))) this.say(line);
    if (Object.keys(stalls).length > 0) {
      const table = stallTable(stalls, baseline?.stalls ?? {});
      for (const line of alignedLines(table)) this.say(line);
    }
    for (const line of [this.yardstick, ...this.notes, ...memory]) this.say(line);
    if (baseline !== undefined) this.say(`baseline: ${baseline.commit}, ${baseline.date}`);
    const { loadAverage } = this;
    const { seconds, rounds } = options;
    const all = { seconds, rounds, loadAverage, ...setting };
    const result = { ...measured(rows, all, flush), stalls };
    if (options.json !== null) writeJson(options.json, { name, ...result, memory });
    if (options.savesBaseline) saveBaseline(name, result);
    if (this.profiles !== null) await this.finishProfiles(this.profiles);
  }

  private describeSetting({ p50Ms, p99Ms }: FlushCost): string {
    const { seconds, rounds } = this.options;
    const model = cpus().at(0)?.model ?? 'unknown';
    return [
      `${this.processCount} processes, ${seconds} s a row, rounds: ${rounds}`,
      `${availableParallelism()} cores (${model}), Node ${process.version}`,
      `fdatasync of 4 KiB: ${p50Ms.toFixed(2)} ms (p99 ${p99Ms.toFixed(2)})`,
      `load average before: ${this.loadAverage.toFixed(1)}`,
    ].join('; ');
  }

  /** A profile is written when its process ends in good order. */
  private async finishProfiles(profiles: ProfileFolder): Promise<void> {
    for (const child of this.others) {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
    }
    await Promise.all(this.cluster.ranks.map((rank) => this.cluster.stop(rank)));
    this.say(`profiles: ${profiles.folder}`);
    for (const line of profiles.describe()) this.say(line);
  }

  private async fill(target: TargetSpec, pids: readonly number[]): Promise<void> {
    await this.load(target, 'fill', shapeOf(64), pids, null);
    await sleep(CALM_MS);
  }
}

const EXIT_INTERRUPTED = 130;

/** Runs it, and cleans up whatever came of it. Does not return: commands may still be running. */
export async function runToExit(scope: ProgramScope, work: () => Promise<void>): Promise<never> {
  const interrupted = new Promise<'interrupted'>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.once(signal, () => {
        resolve('interrupted');
      });
    }
  });
  const done = work().catch((error: unknown) => {
    scope.fail(error instanceof Error ? (error.stack ?? error.message) : String(error));
  });
  const first = await Promise.race([interrupted, done]);
  const { failures } = scope;
  const before = failures.length;
  await scope.end();
  // What failed only since everything was taken away from it is of no interest.
  const told = first === 'interrupted' ? ['interrupted', ...failures.slice(0, before)] : failures;
  for (const failure of told) process.stderr.write(`atdd: ${failure}\n`);
  process.exit(first === 'interrupted' ? EXIT_INTERRUPTED : told.length === 0 ? 0 : 1);
}
