/** npm run bench:nbd: what a block device on a cluster can do. See docs/benchmarks.md. */
import { setTimeout as sleep } from 'node:timers/promises';
import { newCounters } from '../../src/core/counters.js';
import type { Gateway } from '../helpers/gateway.js';
import { startWrappedGateway } from '../helpers/gateway.js';
import { inquire } from '../helpers/processStatus.js';
import { shapeOf } from './benchCluster.js';
import { BenchRun, runToExit } from './benchRun.js';
import { difference, perOperation, sumOf } from './counters.js';
import type { FioJob } from './fio.js';
import { fio, fioLog } from './fio.js';
import type { LoadMode } from './loadSpec.js';
import { COMMON_USAGE, orExit, parseOptions } from './options.js';
import { cpuUsOf, machineCpuUs, othersShare } from './processorTime.js';
import type { Stall } from './stall.js';
import { stallOfLog, worst } from './stall.js';
import { untilWhole } from './whole.js';

const USAGE = `npm run bench:nbd -- [options]
${COMMON_USAGE}`;

const PROCESSES = 3;
const DEPTHS = [1, 16, 64];
const MODES = ['write', 'read'] as const;
/** What the run has filled: nothing is read that is a hole. */
const SIZE_BYTES = 4_096 * 4_096;
const SEQUENTIAL_DEPTH = 4;

const STALL_DEPTH = 16;
const STALL_SECONDS = 8;
/** From the beginning of the load. */
const KILL_AFTER_MS = 3_000;

const { common: options } = orExit(USAGE, () => parseOptions(process.argv.slice(2), []));
const run = new BenchRun('bench:nbd', options, PROCESSES);
await runToExit(run.scope, () => measure(run));

async function measure(bench: BenchRun): Promise<void> {
  await bench.start(DEPTHS.map(shapeOf));
  const { cluster, scope, profiles } = bench;
  const gateway = await startWrappedGateway(scope, cluster, (command) =>
    profiles === null ? command : profiles.wrap(command, 'gateway'),
  );
  bench.endsInGoodOrder(gateway.child);
  await bench.inRounds(() => measureRows(bench, gateway));
  bench.noteMemory();
  if (profiles === null) await measureStalls(bench, gateway);
  else bench.notes.push('no stalls: a process that is killed writes no profile');
  await bench.finish({});
}

async function measureRows(bench: BenchRun, gateway: Gateway): Promise<void> {
  for (const mode of MODES) {
    for (const depth of DEPTHS) {
      const job = jobOf(gateway, `rand${mode}`, depth);
      await measureGateway(bench, gateway, mode, job);
      await bench.measureLibrary(mode, shapeOf(depth));
    }
  }
  for (const mode of MODES) {
    const job = jobOf(gateway, mode, SEQUENTIAL_DEPTH);
    await measureGateway(bench, gateway, `${mode} 1 MiB`, { ...job, blockSize: '1m' });
  }
  await bench.measureEtcd(MODES, DEPTHS.map(shapeOf));
}

function jobOf({ uri }: Gateway, mode: FioJob['mode'], depth: number): FioJob {
  const { seconds } = options;
  const size = { blockSize: '4k', sizeBytes: SIZE_BYTES } as const;
  return { uri, mode, depth, seconds, warmUpSeconds: 1, ...size };
}

interface Look {
  readonly cpuUs: number;
  readonly machineUs: number;
  readonly atMs: number;
  readonly counters: ReturnType<typeof newCounters>;
}

async function measureGateway(bench: BenchRun, gateway: Gateway, what: string, job: FioJob): Promise<void> {
  bench.progress(`gateway: ${what}, depth ${job.depth}`);
  const before = await look(bench, gateway);
  const result = await fio(job, bench.cluster.folder);
  const { operations, perSecond, p50Ms, p99Ms, maxMs, clientCpuUs } = result;
  const after = await look(bench, gateway);
  const counters = difference(after.counters, before.counters);
  // fio does not tell what it did while it warmed up; the processes do: one answer a sector, and the reports of the
  // first look, which were counted after they were made.
  const sectors = counters.clientMessages - PROCESSES;
  const isWhole = job.blockSize === '4k';
  const ownUs = after.cpuUs - before.cpuUs + clientCpuUs * operations;
  const elapsedMs = after.atMs - before.atMs;
  bench.rows.push({
    ...{ subject: 'gateway', what, depth: job.depth, perSecond, p50Ms, p99Ms, maxMs, clientCpuUs },
    othersShare: othersShare(after.machineUs - before.machineUs, ownUs, elapsedMs),
    processesCpuUs: isWhole ? (after.cpuUs - before.cpuUs) / sectors : null,
    counters: isWhole ? perOperation(counters, sectors) : null,
  });
}

async function look({ cluster, pids }: BenchRun, { child }: Gateway): Promise<Look> {
  const reports = await Promise.all(cluster.ranks.map((rank) => inquire(cluster, rank)));
  const counters = reports.map((report) => report.counters ?? newCounters());
  const all = child.pid === undefined ? pids : [...pids, child.pid];
  return {
    cpuUs: all.reduce((sum, pid) => sum + cpuUsOf(pid), 0),
    machineUs: machineCpuUs(),
    atMs: performance.now(),
    counters: counters.reduce(sumOf),
  };
}

/** Each process in turn is killed under a steady load of reads and writes. */
async function measureStalls(bench: BenchRun, gateway: Gateway): Promise<void> {
  for (const [subject, load] of [
    ['gateway', stallOfGateway],
    ['library', stallOfLibrary],
  ] as const) {
    const stalls: Stall[] = [];
    for (const rank of bench.cluster.ranks) {
      bench.progress(`${subject}: stall when process ${rank} is killed`);
      const stall = await load(bench, gateway, rank);
      stalls.push(stall);
      bench.stalls[`${subject}, process ${rank} killed`] = stall;
      await bench.cluster.start(rank);
      await untilWhole(bench.cluster);
    }
    bench.stalls[`${subject}, worst`] = worst(stalls);
  }
}

async function stallOfGateway(bench: BenchRun, gateway: Gateway, rank: number): Promise<Stall> {
  const { cluster } = bench;
  const job = { ...jobOf(gateway, 'randrw', STALL_DEPTH), seconds: STALL_SECONDS };
  const [log] = await Promise.all([
    fioLog({ ...job, warmUpSeconds: 0 }, cluster.folder),
    sleep(KILL_AFTER_MS).then(() => cluster.kill(rank)),
  ]);
  return stallOfLog(log);
}

async function stallOfLibrary(bench: BenchRun, _: Gateway, rank: number): Promise<Stall> {
  const { cluster, library } = bench;
  let killed = Promise.resolve();
  const begun = (): void => {
    killed = sleep(KILL_AFTER_MS).then(() => cluster.kill(rank));
  };
  const mode: LoadMode = 'mix';
  const more = { seconds: STALL_SECONDS, begun };
  const result = await bench.load(library, mode, shapeOf(STALL_DEPTH), [], null, more);
  await killed;
  return { gapMs: result.longestGapMs, latencyMs: result.maxMs };
}
