/** The table at the end of a run. */
import type { Workload } from '../helpers/workload.js';
import type { Availability } from './availability.js';
import type { LibraryLoad } from './libraryLoad.js';
import type { Fault, Tally } from './tally.js';
import { FAULTS } from './tally.js';

export type SummaryRow = readonly [name: string, value: string];

export interface SummaryParts {
  readonly tally: Tally;
  readonly hasSmallDisks: boolean;
  readonly mistreatedMs: number;
  readonly availability: Availability;
  readonly allServedAfterMs: number;
  /** Of each process at the end; empty if it did not come to that. */
  readonly residentMib: readonly number[];
  readonly workload: Workload;
  readonly library: LibraryLoad;
  readonly violationCount: number;
  readonly explainedCount: number;
  readonly judgedMs: number;
}

export function summaryOf(parts: SummaryParts): SummaryRow[] {
  return [
    ['mistreated for', seconds(parts.mistreatedMs)],
    ...faultRows(parts),
    ...operationRows(parts),
    ...timeRows(parts),
    ['verdict of the checker', verdictOf(parts)],
  ];
}

/** Names on the left, values on the right. */
export function tableOf(rows: readonly SummaryRow[]): string {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`).join('\n');
}

function faultRows({ tally, hasSmallDisks }: SummaryParts): SummaryRow[] {
  const names = Object.keys(FAULTS) as Fault[];
  return names.map((name) => {
    if (name !== 'fullDisk') return [FAULTS[name], grouped(tally.counts[name])];
    const said = `${tally.counts.fullDisk}, said by the process ${tally.fullDiskSaidCount} times`;
    const why = process.getuid?.() === 0 ? 'mounting was refused' : 'needs root';
    return [FAULTS.fullDisk, hasSmallDisks ? said : `not exercised, ${why}`];
  });
}

function operationRows({ workload, library }: SummaryParts): SummaryRow[] {
  const { answered, unknown } = workload;
  const { counters } = library;
  const count = (name: string): string => grouped(counters[name] ?? 0);
  return [
    ['raw clients: READs answered', grouped(answered.read)],
    ['raw clients: WRITEs answered', grouped(answered.write)],
    ['raw clients: READs, WRITEs with unknown outcome', pair(unknown.read, unknown.write)],
    ['library: reads, writes done', pair(library.answered.read, library.answered.write)],
    ['library: attempts to write that were lost', grouped(library.lostAttempts.length)],
    ['library: connections lost, left', `${count('lostConnections')}, ${count('leftConnections')}`],
    ['library: reads asked of a second process', count('hedgedReads')],
  ];
}

function timeRows(parts: SummaryParts): SummaryRow[] {
  const { availability, mistreatedMs, tally, residentMib } = parts;
  const recovery = [...tally.recoveryMs].sort((a, b) => a - b);
  const at = (part: number): string => seconds(recovery[Math.floor(part * (recovery.length - 1))]);
  const share = Math.round((100 * availability.goodMs) / mistreatedMs);
  const restart = `${at(0.5)} (half of them), ${at(0.99)} (99 %), ${at(1)} (all)`;
  return [
    ['a majority was up and undisturbed', `${share} % of the time`],
    ['longest time without any answer meanwhile', seconds(availability.longestSilenceMs)],
    ['from launch to first answer', recovery.length === 0 ? 'none' : restart],
    ['all repaired: every client served after', seconds(parts.allServedAfterMs)],
    ['resident memory at the end, MiB', residentMib.map((mib) => mib.toFixed(0)).join(', ')],
  ];
}

function verdictOf({ workload, library, ...parts }: SummaryParts): string {
  const { violationCount, explainedCount, judgedMs } = parts;
  const count = workload.recorder.operations.length + library.recorder.operations.length;
  const judged = `${grouped(count)} operations in ${judgedMs.toFixed(0)} ms`;
  if (violationCount > 0) return `NOT linearizable: ${violationCount} sectors (${judged})`;
  if (explainedCount === 0) return `linearizable (${judged})`;
  return `linearizable but for ${explainedCount} sectors with the case of ADR 0006 (${judged})`;
}

const grouped = (count: number): string => count.toLocaleString('en-US');
const pair = (one: number, other: number): string => `${grouped(one)}, ${grouped(other)}`;
const seconds = (ms: number): string => `${(ms / 1_000).toFixed(2)} s`;
