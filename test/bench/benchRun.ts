/** One run of a bench: its cluster, its yardstick, its profiles; rows as they are measured. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism, cpus, loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ProgramScope } from '../chaos/programScope.js';
import type { BenchName, Context } from './baseline.js';
import { measured, readBaseline, saveBaseline, writeJson } from './baseline.js';
import type { Shape } from './benchCluster.js';
import { BenchCluster, CALM_MS, shapeOf } from './benchCluster.js';
import { etcdVersion, startEtcd } from './etcdCluster.js';
import type { FlushCost } from './fsyncProbe.js';
import type { LoadMode, TargetSpec } from './loadSpec.js';
import type { CommonOptions } from './options.js';
import { memoryOf } from './processorTime.js';
import { ProfileFolder } from './profileFolder.js';
import type { Row } from './rows.js';
import { alignedLines, medianRows, rowOf, tableOf } from './rows.js';
import type { Stall } from './stall.js';
import { stallTable } from './stall.js';

const ITEMS_MIN = 4_096;
const FILL_SHAPE = shapeOf(64);

export class BenchRun extends BenchCluster {
  /** Of all rounds. */
  readonly rows: Row[] = [];
  readonly stalls: Record<string, Stall> = {};
  readonly notes: string[] = [];
  /** Of the last minute, before anything was started: what others do here spoils the numbers. */
  private readonly loadAverage = loadavg()[0];
  private yardstick = 'without etcd';
  private memory: readonly string[] | null = null;
  private readonly others: ChildProcess[] = [];

  constructor(
    readonly name: BenchName,
    readonly options: CommonOptions,
    processCount: number,
  ) {
    const { seconds, extension, workers, isProfiled, profileFolder } = options;
    const profiles = isProfiled ? new ProfileFolder(profileFolder) : null;
    super({ processCount, seconds, extension, workers, profiles });
  }

  /** Starts the processes, and writes what will be read. */
  async start(shapes: readonly Shape[]): Promise<void> {
    await this.startProcesses();
    const totals = shapes.map((shape) => shape.connections * shape.depth);
    await this.fillTo(Math.max(ITEMS_MIN, ...totals), FILL_SHAPE);
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
    await this.load(target, 'fill', FILL_SHAPE, etcd.pids, null);
    await sleep(CALM_MS);
    for (const what of whats) {
      for (const shape of shapes) {
        const result = await this.load(target, what, shape, etcd.pids, null);
        this.rows.push(rowOf('etcd', what, shape.connections * shape.depth, result));
      }
    }
    this.yardstick = `etcd ${etcd.version}: 3 members, puts of 4 KiB and ` + 'linearizable gets, clients on the leader';
    await etcd.end();
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
  async finish(setting: Context['setting']): Promise<void> {
    const { options, name, flush, stalls } = this;
    const rows = medianRows(this.rows);
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

  private describeSetting(flush: FlushCost): string {
    const { seconds, rounds } = this.options;
    const how = `${this.processCount} processes, ${seconds} s a row, rounds: ${rounds}`;
    return [how, ...describeMachine(flush, this.loadAverage)].join('; ');
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
}

/** What numbers depend on besides the code. */
export function describeMachine({ p50Ms, p99Ms }: FlushCost, loadAverage: number): string[] {
  const model = cpus().at(0)?.model ?? 'unknown';
  return [
    `${availableParallelism()} cores (${model}), Node ${process.version}`,
    `fdatasync of 4 KiB: ${p50Ms.toFixed(2)} ms (p99 ${p99Ms.toFixed(2)})`,
    `load average before: ${loadAverage.toFixed(1)}`,
  ];
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
