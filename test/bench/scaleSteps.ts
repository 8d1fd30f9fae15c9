/** How large `npm run bench:scale` makes things, and what of that fits on the machine. Pure. */
import type { Shape } from './benchCluster.js';
import { SECTORS_MIN } from './scaleOptions.js';

const SECTOR_SIZE_BYTES = 4_096;
/** Of processes just started: V8 compiles what is hot in their first seconds of load. */
export const WARM_UP_FRESH_MS = 4_000;
/** What docs/limits.md promises of the data of an idle process; its metadata are less than 1 %. */
const BYTES_PER_BYTE_MAX = 1.1;
const BYTES_FIXED = 8 * 2 ** 20;
/** Left to whatever else uses the file system. */
const BYTES_SPARED = 2 * 2 ** 30;
/** Descriptors of the client beside its connections: files, pipes, and what asks for counters. */
const FILES_SPARED = 64;

/** Powers of ten, and the largest. */
export function sectorSteps(sectorsMax: number): number[] {
  const steps: number[] = [];
  for (let sectors = SECTORS_MIN; sectors < sectorsMax; sectors *= 10) steps.push(sectors);
  return [...steps, sectorsMax];
}

/** What all processes together may take for so many sectors. */
export function bytesNeeded(sectors: number, processes: number): number {
  if (sectors === 0) return 0;
  return processes * Math.ceil(sectors * SECTOR_SIZE_BYTES * BYTES_PER_BYTE_MAX + BYTES_FIXED);
}

/** @param written What is on the file system already. */
export function fitsOnDisk(sectors: number, written: number, processes: number, freeBytes: number): boolean {
  const more = bytesNeeded(sectors, processes) - bytesNeeded(written, processes);
  return more + BYTES_SPARED <= freeBytes;
}

export function fitsDescriptors(connections: number, filesMax: number): boolean {
  return connections + FILES_SPARED <= filesMax;
}

/** Of /proc/self/limits: what one process may have open. */
export function openFilesMax(limits: string): number {
  const soft = /^Max open files\s+(\S+)/m.exec(limits)?.[1];
  return soft === undefined || soft === 'unlimited' ? Infinity : Number(soft);
}

/** As many connections to each process as to any other; in all about so many operations. */
export function evenShape(processes: number, total: number): Shape {
  return { connections: processes, depth: Math.max(1, Math.round(total / processes)) };
}

/** What each thing takes beyond what the first so many took. */
export function bytesForEach(bytes: number, count: number, base: Base | undefined): number | null {
  if (base === undefined || count <= base.count) return null;
  return (bytes - base.bytes) / (count - base.count);
}

export interface Base {
  readonly bytes: number;
  readonly count: number;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.floor((sorted.length - 1) / 2)];
}
