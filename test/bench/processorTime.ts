/** What the system says of a process: its processor time and its memory. Linux. */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

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

/** What all programs on the machine have used of all cores, in microseconds. */
export function machineCpuUs(): number {
  return machineTicksOf(readFileSync('/proc/stat', 'latin1')) * US_PER_TICK;
}

/** All but idle and waiting for a disk; a guest is in user time already. */
export function machineTicksOf(stat: string): number {
  const [user, nice, system, , , irq, softIrq, steal] = stat.split(/\s+/).slice(1).map(Number);
  return user + nice + system + irq + softIrq + steal;
}

/** What others used while something was measured, as a share of all cores: it was not there for what was measured. */
export function othersShare(machineUs: number, ownUs: number, elapsedMs: number): number {
  return Math.max(0, machineUs - ownUs) / (elapsedMs * 1_000 * availableParallelism());
}

export interface Memory {
  readonly residentBytes: number;
  readonly residentBytesMax: number;
  /** Without pages of files that it has mapped: those the kernel takes back when it needs room. */
  readonly anonymousBytes: number;
}

export function memoryOf(pid: number): Memory {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  const bytes = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) * 1_024;
  return {
    residentBytes: bytes('VmRSS'),
    residentBytesMax: bytes('VmHWM'),
    anonymousBytes: bytes('RssAnon'),
  };
}
