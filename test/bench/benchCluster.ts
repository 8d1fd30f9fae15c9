/** A cluster that is measured: what is on its disk, and the load that is put on it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ProgramScope } from '../chaos/programScope.js';
import { Cluster } from '../helpers/cluster.js';
import type { FlushCost } from './fsyncProbe.js';
import { probeFlush } from './fsyncProbe.js';
import type { LoadMode, LoadResult, LoadSpec, TargetSpec } from './loadSpec.js';
import type { CommonOptions } from './options.js';
import type { ProfileFolder } from './profileFolder.js';
import { runLoad } from './runLoad.js';
import { untilWhole } from './whole.js';

/** How many operations are under way, and over how many connections. */
export interface Shape {
  readonly connections: number;
  /** On each of them. */
  readonly depth: number;
}

export interface BenchClusterOptions extends Pick<CommonOptions, 'seconds' | 'extension'> {
  /** Default 0. */
  readonly workers?: number;
  readonly processCount: number;
  readonly sectors?: number;
  readonly profiles?: ProfileFolder | null;
}

export interface LoadOptions {
  readonly seconds?: number;
  readonly warmUpMs?: number;
  /** Called when it begins to measure. */
  readonly begun?: () => void;
}

/** More connections than that bring the client library nothing. */
const CONNECTIONS_MAX = 4;
const CONNECTIONS_OF_256 = 16;
const DISK_SECTORS = 262_144;
const WARM_UP_MS = 1_000;
/** After a fill: flushes, merges and late acknowledgements of it are over. */
export const CALM_MS = 1_000;

/** So many operations in all. */
export function shapeOf(total: number): Shape {
  const connections = total >= 256 ? CONNECTIONS_OF_256 : Math.min(total, CONNECTIONS_MAX);
  return { connections, depth: total / connections };
}

export class BenchCluster {
  readonly scope = new ProgramScope();
  readonly profiles: ProfileFolder | null;
  /** Written, and chosen from: 0 to this. */
  protected items = 0;
  private started: Cluster | null = null;
  private flushCost: FlushCost | null = null;

  constructor(private readonly setup: BenchClusterOptions) {
    this.profiles = setup.profiles ?? null;
  }

  get processCount(): number {
    return this.setup.processCount;
  }

  get cluster(): Cluster {
    if (this.started === null) throw new Error('the cluster has not been started');
    return this.started;
  }

  get pids(): number[] {
    return this.cluster.ranks.map((rank) => this.cluster.pid(rank));
  }

  get flush(): FlushCost {
    if (this.flushCost === null) throw new Error('nothing was measured');
    return this.flushCost;
  }

  get library(): TargetSpec {
    const { addresses: processes, clientKey } = this.cluster;
    return { kind: 'library', processes, clientKey: clientKey.toString('hex') };
  }

  say(line: string): void {
    process.stdout.write(`${line}\n`);
  }

  progress(line: string): void {
    process.stderr.write(`atdd: ${line}\n`);
  }

  async startProcesses(): Promise<void> {
    const { profiles, setup } = this;
    this.started = await Cluster.start(this.scope, {
      processCount: setup.processCount,
      sectors: setup.sectors ?? DISK_SECTORS,
      config: {
        // Only the open mode has them.
        members: setup.extension === 'off' || (setup.workers ?? 0) > 0 ? 'open' : 'strict',
        extension: setup.extension,
        workers: setup.workers ?? 0,
      },
      ...(profiles !== null && {
        wrap: (command, rank) => profiles.wrap(command, `process ${rank}`),
      }),
    });
    // They answer before they take part: without a majority that does, a load would wait for ever.
    await untilWhole(this.started);
    this.flushCost = probeFlush(this.cluster.folder);
  }

  /** Writes one item after the other, up to so many; those that were written before are left. */
  async fillTo(items: number, shape: Shape): Promise<void> {
    const from = this.items;
    this.items = items;
    await this.load(this.library, 'fill', shape, this.pids, null, { from });
    await sleep(CALM_MS);
  }

  /** @param profile What the profile of the client is called; null: none. */
  load(
    target: TargetSpec,
    mode: LoadMode,
    { connections, depth }: Shape,
    pids: readonly number[],
    profile: string | null,
    more: LoadOptions & { readonly from?: number } = {},
  ): Promise<LoadResult> {
    this.progress(`${target.kind}: ${mode}, ${connections} connections x ${depth}`);
    const { seconds = this.setup.seconds, warmUpMs = WARM_UP_MS, begun, from = 0 } = more;
    const { items, scope } = this;
    const measure = { seconds, warmUpMs, from, items };
    const spec: LoadSpec = { target, mode, connections, depth, pids, ...measure };
    const nodeOptions =
      profile === null ? [] : (this.profiles?.optionsFor(`${profile} ${mode} ${connections * depth}`) ?? []);
    return runLoad(scope, spec, { nodeOptions, ...(begun !== undefined && { begun }) });
  }
}

/** Starts a cluster, and takes it away with all its data when the work is done. */
export async function withCluster<T>(
  outer: ProgramScope,
  options: BenchClusterOptions,
  work: (bench: BenchCluster) => Promise<T>,
): Promise<T> {
  const bench = new BenchCluster(options);
  const { scope } = bench;
  // For what interrupts the work; else it is over by then.
  outer.teardown(() => scope.end());
  let result: { readonly value: T } | null = null;
  try {
    await bench.startProcesses();
    result = { value: await work(bench) };
  } catch (error) {
    scope.fail(error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  await scope.end();
  if (result === null || !scope.passed) throw new Error(scope.failures.join('\n'));
  return result.value;
}
