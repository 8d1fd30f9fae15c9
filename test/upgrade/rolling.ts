/**
 * A cluster goes from one version of the program to another one, one process after the other, while clients read and
 * write: nobody notices. With members open it goes back as well. With members strict it becomes strict when the last
 * process is of the other version, and there is no way back.
 */
import { randomInt } from 'node:crypto';
import type { ProgramScope } from '../chaos/programScope.js';
import { LibraryLoad } from '../chaos/libraryLoad.js';
import { Cluster } from '../helpers/cluster.js';
import { HANG_MS } from '../helpers/hang.js';
import { inquire } from '../helpers/processStatus.js';
import { runToEnd } from '../helpers/runToEnd.js';
import type { Dice } from '../helpers/seed.js';
import { dice } from '../helpers/seed.js';
import { untilSo } from '../helpers/within.js';
import { readEach, Workload } from '../helpers/workload.js';
import { checkLinearizable } from '../linearizability/check.js';

/** Which program a process is. */
export type Version = 'former' | 'present';

export interface RollingOptions {
  readonly scope: ProgramScope;
  /** dist/main.js of the former version. */
  readonly formerMain: string;
  readonly extension: 'on' | 'off';
  /** In the configurations for the present version. The former one does not know that field. */
  readonly members: 'open' | 'strict';
  readonly seed: number;
  readonly say: (text: string) => void;
}

const PROCESSES = 3;
const RAW_CLIENTS = 6;
const LIBRARY_CLIENTS = 2;
const HOT_SECTORS = [
  { sector: 1, writePercent: 50 },
  { sector: 2, writePercent: 20 },
  { sector: 3, writePercent: 5 },
];
/** Operations that have to be answered while a process is down, and after it is back. */
const ANSWERS = 50;

export class Rolling {
  static async run(options: RollingOptions): Promise<void> {
    const { scope, extension, formerMain, seed } = options;
    const versions = new Map<number, Version>();
    const cluster = await Cluster.start(scope, {
      processCount: PROCESSES,
      config: { extension },
      wrap: ([node, main, ...words], rank) =>
        versions.get(rank) === 'present' ? [node, main, ...words] : [node, formerMain, ...words],
    });
    const rolling = new Rolling(options, cluster, versions, dice(seed));
    if (options.members === 'open') await rolling.rollThereAndBack();
    else await rolling.rollToStrict();
    await rolling.judge();
    if (options.members === 'strict') await rolling.tryToGoBack();
    await Promise.all(cluster.ranks.filter((rank) => cluster.isUp(rank)).map((rank) => cluster.stop(rank)));
  }

  private readonly raw: Workload;
  private readonly library: LibraryLoad;

  private constructor(
    private readonly options: RollingOptions,
    private readonly cluster: Cluster,
    private readonly versions: Map<number, Version>,
    private readonly random: Dice,
  ) {
    this.raw = new Workload({
      cluster,
      clientCount: RAW_CLIENTS,
      sectors: HOT_SECTORS,
      random,
      // Nobody gives up: only the connections to processes that end break.
      patienceMs: HANG_MS,
    });
    const { addresses } = cluster;
    this.library = new LibraryLoad({ cluster, addresses, clientCount: LIBRARY_CLIENTS, random });
    this.library.start({
      mayBegin: () => Promise.resolve(),
      onAnswer: () => undefined,
      fail: (reason) => {
        options.scope.fail(`an operation of the library failed: ${reason}`);
      },
    });
  }

  private async rollToStrict(): Promise<void> {
    const { raw, cluster, options } = this;
    await raw.untilAnswered(ANSWERS);
    await this.change(1, 'present');
    await this.change(2, 'present');
    // With the extension off, former members can show a new one nothing, and it would wait (ADR 22).
    if (options.extension === 'on') await this.lose(2);
    await this.modesAre('open');
    await this.change(3, 'present');
    await this.modesAre('strict');
    await raw.untilAnswered(ANSWERS);
    const pauses = cluster.ranks.map((rank) => {
      return /.*"strict from now on".*"pausedMs":(\d+)/.exec(cluster.logOf(rank))?.[1] ?? '?';
    });
    options.say(`  the cluster is strict; its processes paused for ${pauses.join(', ')} ms`);
    await this.lose(1);
    await this.restart(2);
  }

  private async modesAre(mode: 'open' | 'strict'): Promise<void> {
    const { cluster } = this;
    for (const rank of cluster.ranks) {
      // A process that goes on in the other mode ends its connections. The former version says nothing of modes.
      const isSo = async () => {
        const report = await inquire(cluster, rank).catch(() => null);
        return report !== null && (report.members ?? 'open') === mode;
      };
      await untilSo(isSo, () => `process ${rank} is not ${mode}`);
    }
  }

  /** The former version refuses the folder, says why, and changes nothing. */
  private async tryToGoBack(): Promise<void> {
    const { cluster, versions, options } = this;
    await cluster.stop(3);
    await this.setVersion(3, 'former');
    const before = cluster.logOf(3).length;
    cluster.launch(3);
    const { code } = await cluster.waitForExit(3);
    const said = cluster.logOf(3).slice(before);
    if (code === 0 || !/format/i.test(said)) options.scope.fail(`the former version ended with ${code}: ${said}`);
    versions.set(3, 'present');
    await this.setVersion(3, 'present');
    await cluster.start(3);
    await this.untilFull();
    options.say('  the former version refuses the folder of a strict process, which goes on with the present one');
  }

  private async rollThereAndBack(): Promise<void> {
    await this.raw.untilAnswered(ANSWERS);
    for (const rank of [1, 2, 3]) await this.change(rank, 'present');
    await this.lose(2);
    await this.change(3, 'former');
    // One of the former version whose disk is lost among new ones, and a new one among former ones: with the extension
    // off these can show it nothing, and it would wait (ADR 22).
    await this.lose(3);
    await this.change(1, 'former');
    if (this.options.extension === 'on') await this.lose(2);
    await this.change(2, 'former');
    for (const rank of [3, 1, 2]) await this.change(rank, 'present');
  }

  /** Each of the others goes down as well: whoever is left votes, of whatever version it is. */
  private async change(rank: number, version: Version): Promise<void> {
    await this.restart(rank, () => this.setVersion(rank, version));
    await this.restart((rank % PROCESSES) + 1);
    this.options.say(`  process ${rank} is of the ${version} version: ${this.described()}`);
  }

  private async setVersion(rank: number, version: Version): Promise<void> {
    const { cluster, versions, options } = this;
    versions.set(rank, version);
    const { extension, members } = options;
    await cluster.configure(version === 'present' ? { extension, members } : { extension }, [rank]);
  }

  private async lose(rank: number): Promise<void> {
    const before = (await inquire(this.cluster, rank)).incarnation;
    await this.restart(rank, () => this.cluster.loseDisk(rank));
    const { incarnation } = await inquire(this.cluster, rank);
    if (incarnation !== before + 1) {
      this.options.scope.fail(`process ${rank} has incarnation ${incarnation} after ${before}`);
    }
    this.options.say(`  process ${rank} has joined with a new disk: ${this.described()}`);
  }

  /** Half of the time without a goodbye. */
  private async restart(rank: number, meanwhile?: () => Promise<void> | void): Promise<void> {
    const { cluster, raw, random } = this;
    const incarnations = await this.incarnations();
    if (random.below(2) === 0) await cluster.kill(rank);
    else {
      const { code } = await cluster.stop(rank);
      if (code !== 0) throw new Error(`process ${rank} ended with code ${code}`);
    }
    await raw.untilAnswered(ANSWERS);
    await meanwhile?.();
    await cluster.start(rank);
    await this.untilFull();
    await raw.untilAnswered(ANSWERS);
    const after = await this.incarnations();
    for (const other of cluster.ranks) {
      if (other === rank || after[other - 1] === incarnations[other - 1]) continue;
      throw new Error(`process ${other} took its disk for a lost one: ${this.described()}`);
    }
  }

  /** As an operator waits before going on to the next machine. */
  private async untilFull(): Promise<void> {
    const words = `status --wait-full ${HANG_MS / 1_000}`;
    const { code, output } = await runToEnd(this.cluster.command(words), 2 * HANG_MS);
    if (code !== 0) throw new Error(`not full (${this.described()}):\n${output}`);
    for (const rank of this.cluster.ranks) {
      const { standing } = await inquire(this.cluster, rank);
      if (standing !== 'member') throw new Error(`process ${rank} is ${standing}`);
    }
  }

  private async incarnations(): Promise<number[]> {
    const reports = this.cluster.ranks.map((rank) => inquire(this.cluster, rank));
    return (await Promise.all(reports)).map(({ incarnation }) => incarnation);
  }

  private described(): string {
    return this.cluster.ranks.map((rank) => this.versions.get(rank) ?? 'former').join(', ');
  }

  /** Every acknowledged write is there, and everything that clients saw fits together. */
  private async judge(): Promise<void> {
    const { cluster, raw, library, options } = this;
    await raw.stop();
    await library.stop(HANG_MS);
    await raw.readAll(cluster.ranks);
    const { ranks } = cluster;
    const { recorder } = library;
    const faults = await readEach(cluster, ranks, library.sectors, recorder);
    const { operations } = raw.recorder;
    for (const fault of [...raw.faults, ...library.faults, ...faults]) options.scope.fail(fault);
    for (const history of [operations, recorder.operations]) {
      const result = checkLinearizable(history);
      if (!result.ok) options.scope.fail(result.violations.map(({ text }) => text).join('\n'));
    }
    const { answered, unknown } = raw;
    options.say(
      `  ${operations.length} raw operations (${answered.read + answered.write} answered, ` +
        `${unknown.read + unknown.write} cut off with their process), ` +
        `${recorder.operations.length} of the library, all linearizable`,
    );
  }
}

export function freshSeed(): number {
  return randomInt(2 ** 31);
}
