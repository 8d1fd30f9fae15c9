/** fio through a gateway: a program that nobody here wrote, as load. */
import { mkdtempSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ToolResult } from '../helpers/gateway.js';
import { runTool } from '../helpers/gateway.js';
import type { Latencies } from './loadSpec.js';

export interface FioJob {
  readonly uri: string;
  readonly mode: 'randwrite' | 'randread' | 'randrw' | 'write' | 'read';
  readonly blockSize: '4k' | '1m';
  readonly depth: number;
  readonly sizeBytes: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
}

export interface FioResult extends Latencies {
  /** Of fio itself, for each operation. */
  readonly clientCpuUs: number;
}

interface FioSide {
  readonly iops: number;
  readonly total_ios: number;
  readonly clat_ns: {
    readonly max: number;
    readonly percentile?: Readonly<Record<string, number>>;
  };
}

interface FioOutput {
  readonly jobs: readonly {
    readonly read: FioSide;
    readonly write: FioSide;
    readonly usr_cpu: number;
    readonly sys_cpu: number;
    readonly job_runtime: number;
  }[];
}

/** Reads or writes. @throws if fio is not installed, or was told of an error. */
export async function fio(job: FioJob, folder: string): Promise<FioResult> {
  const [result] = (await run(job, [], folder)).jobs;
  const side = job.mode.endsWith('write') ? result.write : result.read;
  const percentile = (name: string): number => (side.clat_ns.percentile?.[name] ?? 0) / 1e6;
  const cpuUs = ((result.usr_cpu + result.sys_cpu) / 100) * result.job_runtime * 1_000;
  return {
    operations: side.total_ios,
    perSecond: side.iops,
    p50Ms: percentile('50.000000'),
    p99Ms: percentile('99.000000'),
    maxMs: side.clat_ns.max / 1e6,
    clientCpuUs: cpuUs / side.total_ios,
  };
}

/** The log that fio keeps of every operation, a line each: when it was done, how long it took, … */
export async function fioLog(job: FioJob, folder: string): Promise<string> {
  const prefix = join(mkdtempSync(join(folder, 'fio-')), 'log');
  await run(job, [`--write_lat_log=${prefix}`, '--log_avg_msec=0'], folder);
  return readFileSync(`${prefix}_clat.1.log`, 'utf8');
}

async function run(job: FioJob, more: readonly string[], folder: string): Promise<FioOutput> {
  const what = ['--name=bench', '--ioengine=nbd', `--uri=${job.uri}`, `--rw=${job.mode}`];
  const shape = [`--bs=${job.blockSize}`, `--iodepth=${job.depth}`, `--size=${job.sizeBytes}`];
  const time = ['--time_based=1', `--runtime=${job.seconds}`, `--ramp_time=${job.warmUpSeconds}`];
  const words = ['fio', ...what, ...shape, ...time, '--randrepeat=0', '--output-format=json'];
  const { code, output } = await runFio([...words, ...more], folder);
  if (code !== 0) throw new Error(`fio ended with ${code}:\n${output}`);
  return JSON.parse(output.slice(output.indexOf('{'))) as FioOutput;
}

async function runFio(words: readonly string[], folder: string): Promise<ToolResult> {
  try {
    return await runTool(words, folder);
  } catch (cause) {
    throw new Error('fio is not installed (apt-get install fio)', { cause });
  }
}
