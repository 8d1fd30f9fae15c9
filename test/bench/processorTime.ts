/** What the system says of a process: its processor time and its memory. Linux. */
import { readFileSync } from 'node:fs';

/** What /proc counts in, on every Linux that Node runs on. */
const US_PER_TICK = 10_000;

/** User and system time of a process and all its threads, in microseconds. */
export function cpuUsOf(pid: number): number {
  return cpuTicksOf(readFileSync(`/proc/${pid}/stat`, 'latin1')) * US_PER_TICK;
}

/** The name of the program may hold anything; what follows it are fields 3 and up. */
export function cpuTicksOf(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

export interface Memory {
  readonly residentBytes: number;
  readonly residentBytesMax: number;
}

export function memoryOf(pid: number): Memory {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  const bytes = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) * 1_024;
  return { residentBytes: bytes('VmRSS'), residentBytesMax: bytes('VmHWM') };
}
