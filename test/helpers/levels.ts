/** How much a process of the program has: descriptors, and memory (see memoryProbe.ts). Linux. */
import { readFile, readdir, readlink } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { HANG_MS } from './hang.js';

export interface Levels {
  readonly descriptors: Descriptors;
  /** Of the heap and of buffers, after garbage collection. */
  readonly usedBytes: number;
  readonly residentBytes: number;
  /** The most that was ever resident. */
  readonly peakBytes: number;
}

export interface Descriptors {
  readonly sockets: number;
  /** Of LevelDB, which opens and closes them as it likes, 74 at most. */
  readonly tables: number;
  readonly others: number;
}

export interface Measured {
  readonly name: string;
  readonly pid: number;
  /** What it has written so far. */
  log(): string;
}

/** What memoryProbe.ts writes. (That file is not imported: it would listen to the signal here.) */
const PROBE_LINE = /^memory probe (\{.*\})$/gm;

/** A command line that runs Node, with the probe loaded. */
export function withProbe(command: readonly string[]): readonly string[] {
  const probe = new URL('memoryProbe.js', import.meta.url).href;
  const node = command.indexOf(process.execPath);
  return command.toSpliced(node + 1, 0, '--import', probe);
}

/** @throws if the process does not answer, which one that has ended does not. */
export async function levelsOf(measured: Measured): Promise<Levels> {
  const countBefore = lastProbe(measured.log())?.count ?? 0;
  process.kill(measured.pid, 'SIGUSR2');
  const giveUpAt = performance.now() + HANG_MS;
  for (;;) {
    const probe = lastProbe(measured.log());
    if (probe !== null && probe.count > countBefore) {
      const descriptors = await descriptorsOf(measured.pid);
      const peakBytes = await peakBytesOf(measured.pid);
      return { descriptors, usedBytes: probe.used, residentBytes: probe.rss, peakBytes };
    }
    if (performance.now() > giveUpAt) throw new Error(`${measured.name} does not answer the probe`);
    await sleep(10);
  }
}

function lastProbe(log: string): { count: number; used: number; rss: number } | null {
  const last = [...log.matchAll(PROBE_LINE)].at(-1);
  if (last === undefined) return null;
  return JSON.parse(last[1]) as { count: number; used: number; rss: number };
}

async function peakBytesOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) * 1_024;
}

export async function descriptorsOf(pid: number): Promise<Descriptors> {
  const count = { sockets: 0, tables: 0, others: 0 };
  for (const name of await readdir(`/proc/${pid}/fd`)) {
    const target = await readlink(`/proc/${pid}/fd/${name}`).catch(() => null);
    if (target === null) continue;
    if (target.startsWith('socket:')) count.sockets += 1;
    else if (path.extname(target) === '.ldb') count.tables += 1;
    else count.others += 1;
  }
  return count;
}

/** Waits until there are as many as before. @returns what there is, for a message, if it fails. */
export async function descriptorsBack(
  pid: number,
  before: Descriptors,
  timeoutMs: number,
): Promise<Descriptors | null> {
  const giveUpAt = performance.now() + timeoutMs;
  for (;;) {
    const now = await descriptorsOf(pid);
    if (now.sockets === before.sockets && now.others === before.others) return null;
    if (performance.now() > giveUpAt) return now;
    await sleep(50);
  }
}
