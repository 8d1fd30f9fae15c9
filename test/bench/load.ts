/**
 * A program: puts load on a cluster as its first argument says (a LoadSpec, JSON), and prints what came of it (a
 * LoadResult, JSON). A process of its own, so that its processor time and its profile are those of a client. Prints a
 * line first when it begins to measure.
 */
import { connect, openClient } from '../../src/client/client.js';
import type { ProcessCounters } from '../../src/core/counters.js';
import { newCounters } from '../../src/core/counters.js';
import { difference, sumOf } from './counters.js';
import { etcdTarget } from './etcdTarget.js';
import type { Target } from './lanes.js';
import { fill, runLanes } from './lanes.js';
import type { LoadResult, LoadSpec, TargetSpec } from './loadSpec.js';
import { cpuUsOf, machineCpuUs, othersShare } from './processorTime.js';

interface Look {
  readonly processesCpuUs: number;
  readonly clientCpuUs: number;
  readonly machineUs: number;
  readonly atMs: number;
  readonly counters: ProcessCounters | null;
}

const REPORT_TIMEOUT_MS = 10_000;

const spec = JSON.parse(process.argv[2]) as LoadSpec;
const target = await openTarget(spec);
const monitor = openMonitor(spec.target);
try {
  if (spec.mode === 'fill') await fill(target, spec);
  else process.stdout.write(`${JSON.stringify(await measure())}\n`);
} finally {
  await target.close();
  await monitor.close();
}

async function measure(): Promise<LoadResult> {
  const begun = (): void => {
    process.stdout.write('begun\n');
  };
  const { before, after, ...latencies } = await runLanes(target, spec, look, begun);
  const processesCpuUs = after.processesCpuUs - before.processesCpuUs;
  const clientCpuUs = after.clientCpuUs - before.clientCpuUs;
  const machineUs = after.machineUs - before.machineUs;
  const elapsedMs = after.atMs - before.atMs;
  return {
    ...latencies,
    processesCpuUs,
    clientCpuUs,
    othersShare: othersShare(machineUs, processesCpuUs + clientCpuUs, elapsedMs),
    counters: before.counters === null || after.counters === null ? null : difference(after.counters, before.counters),
  };
}

async function look(): Promise<Look> {
  // Where nothing is asked of processes, they may be down.
  const isAsked = spec.pids.length > 0;
  const counters = isAsked ? await monitor.counters() : null;
  const { user, system } = process.cpuUsage();
  const processesCpuUs = spec.pids.reduce((sum, pid) => sum + cpuUsOf(pid), 0);
  const clientCpuUs = user + system;
  const machine = { machineUs: machineCpuUs(), atMs: performance.now() };
  return { counters, processesCpuUs, clientCpuUs, ...machine };
}

async function openTarget({ target: which, connections, depth }: LoadSpec): Promise<Target> {
  if (which.kind === 'etcd') return etcdTarget(which.endpoint, connections);
  const { processes, clientKey } = which;
  const client = await connect({
    processes,
    clientKey: Buffer.from(clientKey, 'hex'),
    connections,
    outstandingPerConnection: depth,
  });
  return {
    read: async (item) => {
      await client.readSector(item);
    },
    write: (item, data) => client.writeSector(item, data),
    close: () => client.close(),
  };
}

interface Monitor {
  /** Of all processes together; null where they do not tell, or not all of them can be asked. */
  counters(): Promise<ProcessCounters | null>;
  close(): Promise<void>;
}

/** Asks over connections of its own: those of the load have their places taken. */
function openMonitor(which: TargetSpec): Monitor {
  if (which.kind === 'etcd') {
    return { counters: () => Promise.resolve(null), close: () => Promise.resolve() };
  }
  const { processes, clientKey } = which;
  const client = openClient({ processes, clientKey: Buffer.from(clientKey, 'hex') });
  const ask = async (rank: number): Promise<ProcessCounters> => {
    const text = await client.inquire(rank, 'status', REPORT_TIMEOUT_MS);
    const { counters } = JSON.parse(text) as { counters?: ProcessCounters };
    if (counters === undefined) throw new Error(`process ${rank} does not tell its counters`);
    return counters;
  };
  return {
    counters: async () => {
      const ranks = processes.map((_, index) => index + 1);
      try {
        return (await Promise.all(ranks.map(ask))).reduce(sumOf, newCounters());
      } catch {
        return null;
      }
    },
    close: () => client.close(),
  };
}
