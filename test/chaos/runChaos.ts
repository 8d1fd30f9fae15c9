/**
 * A cluster of real processes under load while everything goes wrong that a cluster has to stand: the load, the
 * adversary, what must hold afterwards, and the verdict on what the clients saw.
 */
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BadNetwork } from '../helpers/badNetwork.js';
import { prepareOnBadNetwork } from '../helpers/badNetwork.js';
import type { Cluster } from '../helpers/cluster.js';
import { HANG_MS } from '../helpers/hang.js';
import { dice } from '../helpers/seed.js';
import type { TestScope } from '../helpers/testScope.js';
import type { HotSector } from '../helpers/workload.js';
import { readEach, Workload } from '../helpers/workload.js';
import { checkLinearizable } from '../linearizability/check.js';
import type { Violation } from '../linearizability/explain.js';
import { HistoryRecorder } from '../linearizability/history.js';
import { Adversary } from './adversary.js';
import { Availability, hasClique } from './availability.js';
import type { DescriptorKinds } from './descriptors.js';
import { differences, expectedSockets, kindsOf } from './descriptors.js';
import type { RunHistory } from './historyFile.js';
import { judge } from './judge.js';
import { LibraryLoad } from './libraryLoad.js';
import { Pace } from './pace.js';
import { SmallDisk } from './smallDisk.js';
import { summaryOf } from './summary.js';
import { FAULTS, Tally } from './tally.js';

export interface ChaosOptions {
  readonly processCount: number;
  readonly clientCount: number;
  readonly libraryClientCount: number;
  readonly seed: number;
  /** Every kind of fault is dealt at least once, however short this is. */
  readonly durationMs: number;
  /** At least so many, also if it takes longer. */
  readonly killCountMin: number;
  /** As many operations answered meanwhile, likewise. Default: none. */
  readonly answerCountMin?: number;
  /** How long the longest pauses, silences and the like last. */
  readonly longMs: number;
  /** Called now and then with how far it is. */
  readonly onProgress?: (line: string) => void;
}

export interface ChaosReport {
  /** What was expected and did not hold, violations included. None: passed. */
  readonly failures: readonly string[];
  /** The case that ADR 0006 tells of, if it came up: no failure. */
  readonly explained: readonly Violation[];
  readonly summary: readonly (readonly [name: string, value: string])[];
  readonly history: RunHistory;
  readonly answeredWhileMistreated: number;
  readonly tally: Tally;
}

/** With many writes, and with so few that one that is half done is not covered up at once. */
const SECTORS: readonly HotSector[] = [
  { sector: 0, writePercent: 50 },
  { sector: 1, writePercent: 15 },
  ...[2, 3, 4, 5, 1_023].map((sector) => ({ sector, writePercent: 6 })),
];
const PATIENCE_MS = 2_500;
const PROGRESS_EVERY_MS = 10_000;
/** Where the system shows what processes have open. */
const HAS_PROC = existsSync('/proc/self/fd');
/** In the time that the machine has for this: see availability.ts. */
const SILENCE_MS_MAX = 20_000;
const STEADY_ANSWERS = 50;
/** One may have been down or idle while its disk was full, but not so many times. */
const FULL_DISKS_NOTICED = 8;
const RESIDENT_MIB_MAX = 400;
const MIB = 2 ** 20;

export async function runChaos(t: TestScope, options: ChaosOptions): Promise<ChaosReport> {
  const run = await ChaosRun.prepare(t, options);
  try {
    await run.mistreat();
    await run.recover();
    await run.examineProcesses();
  } catch (error) {
    run.fail(error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  return run.report();
}

interface Parts {
  readonly cluster: Cluster;
  readonly network: BadNetwork;
  readonly disks: ReadonlyMap<number, SmallDisk>;
  /** What each process has open while nobody but its peers is connected. */
  readonly openBefore: ReadonlyMap<number, DescriptorKinds>;
  readonly tally: Tally;
}

class ChaosRun {
  static async prepare(t: TestScope, options: ChaosOptions): Promise<ChaosRun> {
    const { processCount, seed } = options;
    const tally = new Tally();
    const onLog = (_rank: number, text: string): void => {
      if (text.includes('storeFull')) tally.fullDiskSaidCount += 1;
    };
    const { cluster, network } = await prepareOnBadNetwork(t, { processCount, onLog }, dice(seed + 1), {
      withClients: true,
    });
    const disks = await mountSmallDisks(t, cluster);
    await cluster.startAll();
    await introduce(cluster);
    const openBefore = new Map<number, DescriptorKinds>();
    for (const rank of HAS_PROC ? cluster.ranks : []) {
      openBefore.set(rank, await openWhenIdle(cluster, rank));
    }
    const parts: Parts = { cluster, network, disks, openBefore, tally };
    const library = new LibraryLoad({
      cluster,
      clientCount: options.libraryClientCount,
      addresses: network.addressesSeenBy('library clients'),
      random: dice(seed + 3),
    });
    return new ChaosRun(t, options, parts, library);
  }

  private readonly beganAt = performance.now();
  private readonly failures: string[] = [];
  private readonly adversary: Adversary;
  private readonly availability: Availability;
  private readonly workload: Workload;
  private mistreatedMs = 0;
  private answeredWhileMistreated = 0;
  private allServedAfterMs = 0;
  private readonly residentMib: number[] = [];

  private constructor(
    private readonly t: TestScope,
    private readonly options: ChaosOptions,
    private readonly parts: Parts,
    private readonly library: LibraryLoad,
  ) {
    const { cluster, network, disks, tally } = parts;
    const { seed, longMs, clientCount, durationMs } = options;
    const fail = this.fail.bind(this);
    const random = dice(seed);
    this.adversary = new Adversary({ cluster, network, disks, random, tally, longMs, fail });
    this.availability = new Availability(() => this.hasGoodMajority());
    t.teardown(() => {
      this.availability.stop();
    });
    const pace = new Pace(durationMs);
    const mayBegin = (): Promise<void> => pace.mayBegin();
    const onAnswer = (): void => {
      this.availability.answered();
    };
    this.workload = new Workload({
      cluster,
      clientCount,
      sectors: SECTORS,
      random: dice(seed + 2),
      patienceMs: PATIENCE_MS,
      addresses: network.addressesSeenBy('raw clients'),
      mayBegin,
      onAnswer,
    });
    library.start({ mayBegin, onAnswer, fail });
  }

  fail(reason: string): void {
    this.failures.push(reason);
  }

  async mistreat(): Promise<void> {
    const { durationMs, killCountMin, answerCountMin = 0, onProgress } = this.options;
    const { counts } = this.parts.tally;
    const progress = setInterval(() => onProgress?.(this.progressLine()), PROGRESS_EVERY_MS);
    // Nothing good comes of going on once something is known to be wrong.
    const watch = setInterval(() => {
      if (!this.isGood) void this.adversary.finish();
    }, 500);
    try {
      await this.adversary.play(
        () =>
          performance.now() - this.beganAt >= durationMs &&
          counts.kill >= killCountMin &&
          this.answeredCount >= answerCountMin,
      );
    } finally {
      clearInterval(progress);
      clearInterval(watch);
      this.mistreatedMs = performance.now() - this.beganAt;
      this.answeredWhileMistreated = this.answeredCount;
    }
  }

  /** All is repaired: everyone must be served again, and what was acknowledged be there. */
  async recover(): Promise<void> {
    const { cluster } = this.parts;
    if (this.isGood) {
      await Promise.all(cluster.ranks.map((rank) => cluster.waitReady(rank)));
      await this.waitUntilAllServed();
      await this.workload.untilAnswered(STEADY_ANSWERS);
    }
    await this.workload.stop();
    this.availability.stop();
    if (!this.isGood) {
      await this.library.close();
      return;
    }
    await this.library.stop(HANG_MS);
    await this.workload.readAll(cluster.ranks);
    const { sectors, recorder } = this.library;
    const faults = await readEach(cluster, cluster.ranks, sectors, recorder);
    this.failures.push(...faults);
  }

  /** With nobody but their peers left, they must be as they were; and they end when told to. */
  async examineProcesses(): Promise<void> {
    if (!this.isGood) return;
    const { cluster, openBefore } = this.parts;
    for (const [rank, expected] of openBefore) {
      this.failures.push(...(await differences(cluster, rank, expected, HANG_MS)));
      const residentMib = (await cluster.residentBytes(rank)) / MIB;
      this.residentMib.push(residentMib);
      if (residentMib > RESIDENT_MIB_MAX) {
        this.fail(`process ${rank} has ${residentMib.toFixed(0)} MiB resident`);
      }
    }
    const exits = await Promise.all(cluster.ranks.map((rank) => cluster.stop(rank)));
    for (const [index, { code, signal }] of exits.entries()) {
      if (code !== 0) this.fail(`SIGTERM ended process ${index + 1}: code ${code}, ${signal}`);
    }
  }

  report(): ChaosReport {
    const { tally, disks } = this.parts;
    const { deaths, notes } = tally;
    const raw = this.workload.recorder.operations;
    const library = this.library.recorder.operations;
    const { lostAttempts } = this.library;
    const judgedAt = performance.now();
    const rawResult = checkLinearizable(raw);
    const verdict = judge(library, lostAttempts, deaths);
    const judgedMs = performance.now() - judgedAt;
    const violations = [...(rawResult.ok ? [] : rawResult.violations), ...verdict.violations];
    const missing = this.isGood ? tally.missing(disks.size === 0 ? ['fullDisk'] : []) : [];
    const { longestSilenceMs } = this.availability;
    const failures = [
      ...violations.map(({ text }) => `not linearizable: ${text}`),
      ...this.failures,
      ...this.workload.faults,
      ...this.library.faults,
      ...missing.map((name) => `never happened: ${FAULTS[name].trim()}`),
    ];
    if (longestSilenceMs > SILENCE_MS_MAX) {
      failures.push(`nobody was answered for ${longestSilenceMs.toFixed(0)} ms with a majority up`);
    }
    if (tally.counts.fullDisk >= FULL_DISKS_NOTICED && tally.fullDiskSaidCount === 0) {
      failures.push('no process ever said that its disk was full');
    }
    if (this.unknownCount === 0) failures.push('no fault met an operation: nothing was tested');
    const { seed, processCount } = this.options;
    return {
      failures,
      explained: verdict.explained,
      summary: summaryOf({
        tally,
        hasSmallDisks: disks.size > 0,
        mistreatedMs: this.mistreatedMs,
        availability: this.availability,
        allServedAfterMs: this.allServedAfterMs,
        residentMib: this.residentMib,
        workload: this.workload,
        library: this.library,
        violationCount: violations.length,
        explainedCount: verdict.explained.length,
        judgedMs,
      }),
      history: { seed, processCount, raw, library, lostAttempts, deaths, notes },
      answeredWhileMistreated: this.answeredWhileMistreated,
      tally,
    };
  }

  private get isGood(): boolean {
    return this.t.passed && this.failures.length === 0;
  }

  private get answeredCount(): number {
    const { answered } = this.library;
    return this.workload.answeredCount + answered.read + answered.write;
  }

  private get unknownCount(): number {
    return this.workload.unknown.read + this.workload.unknown.write;
  }

  /** Every client, of both kinds, is answered what it asks from now on. */
  private async waitUntilAllServed(): Promise<void> {
    const wellAt = performance.now();
    for (;;) {
      const raw = this.workload.lastAnsweredAskedAt.map((at, index) => [`client ${index + 1}`, at]);
      const all = [...raw, ...this.library.lastAnsweredAskedAt] as [string, number][];
      const hungry = all.filter(([, askedAt]) => askedAt < wellAt);
      this.allServedAfterMs = performance.now() - wellAt;
      if (hungry.length === 0) return;
      if (this.allServedAfterMs > HANG_MS) {
        const names = hungry.map(([name]) => name).join('; ');
        this.fail(`not served ${HANG_MS} ms after all was repaired: ${names}`);
        return;
      }
      await sleep(10);
    }
  }

  private hasGoodMajority(): boolean {
    const { network, cluster } = this.parts;
    const isReachable = (rank: number): boolean =>
      network.clientLinks.every(({ to, relay }) => to !== rank || relay.isUndisturbed);
    return hasClique(
      this.adversary.untroubled.filter(isReachable),
      Math.floor(cluster.ranks.length / 2) + 1,
      (one, other) => network.isGoodBetween(one, other),
    );
  }

  private progressLine(): string {
    const { counts } = this.parts.tally;
    const seconds = (performance.now() - this.beganAt) / 1_000;
    const rate = this.answeredCount / seconds;
    const numbers = [
      `${counts.kill} kills`,
      `${counts.pause} pauses`,
      `${counts.cut} cut`,
      `${counts.halfOpen} half open`,
      `${counts.silence + counts.isolation} silences`,
      `${counts.fullDisk} disks full`,
      `${this.answeredCount} answered (${rate.toFixed(0)}/s)`,
      `${this.unknownCount} unknown`,
      `${this.adversary.untroubled.length}/${this.parts.cluster.ranks.length} well`,
    ];
    return `${clockOf(seconds)}  ${numbers.join(', ')}`;
  }
}

function clockOf(seconds: number): string {
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
}

/** For a minority: the disks of all the others have room. None without root. */
async function mountSmallDisks(t: TestScope, cluster: Cluster): Promise<Map<number, SmallDisk>> {
  const disks = new Map<number, SmallDisk>();
  for (const rank of cluster.ranks.slice(0, Math.floor((cluster.ranks.length - 1) / 2))) {
    const disk = await SmallDisk.mount(t, cluster.storageOf(rank));
    if (disk !== null) disks.set(rank, disk);
  }
  return disks;
}

/**
 * What a process has open while it has no clients, once all have met.
 * @throws if the process has other sockets than can be explained.
 */
async function openWhenIdle(cluster: Cluster, rank: number): Promise<DescriptorKinds> {
  const socket = expectedSockets(cluster.ranks.length);
  const expected = { ...(await kindsOf(cluster, rank)), socket };
  const wrong = await differences(cluster, rank, expected, HANG_MS);
  if (wrong.length > 0) throw new Error(wrong.join('\n'));
  return expected;
}

/**
 * Has every process ask every other something. A process leaves a connection that it dialled alone until it has
 * something to send, also if the other side has gone meanwhile.
 */
async function introduce(cluster: Cluster): Promise<void> {
  const recorder = new HistoryRecorder(() => performance.now());
  const sectors = SECTORS.map(({ sector }) => sector);
  const faults = await readEach(cluster, cluster.ranks, sectors, recorder);
  if (faults.length > 0) throw new Error(faults.join('\n'));
}
