/** The output of `atdd status` for people. */
import { describeTransition } from '../../core/membership/describe.js';
import { describeSeconds } from '../amounts.js';
import type { ClusterStatus, ProcessStatus } from './clusterStatus.js';
import { describeRebuild } from './redundancy.js';
import { textTable } from './textTable.js';
import type { ReceivedReport } from './reportFields.js';

const COLUMNS = [
  ...['rank', 'address', 'reachable', 'latency', 'written', 'damaged', 'healed'],
  ...['missed by', 'scrub', 'standing'],
];

/** @param waitedMs How long the command has waited for full redundancy; null: it has not. */
export function describeStatus(status: ClusterStatus, waitedMs: number | null): string {
  const { processes, quorum, readLatencyMs, redundancy } = status;
  const lines = textTable([COLUMNS, ...processes.map((process) => cells(process, processes))]);
  lines.push(
    quorum
      ? `A majority answers: a read takes ${(readLatencyMs ?? 0).toFixed(2)} ms.`
      : 'No majority answers: reads and writes wait.',
  );
  for (const { rank, report } of processes) {
    if (report?.strictWaits !== undefined) lines.push(`process ${rank} ${describeTransition(report.strictWaits)}`);
  }
  const after = waitedMs === null ? '' : `, after ${describeSeconds(waitedMs / 1_000)}`;
  lines.push(
    redundancy.full ? `redundancy: full${after}` : `redundancy: reduced${after}: ${redundancy.reasons.join('; ')}`,
  );
  return `${lines.join('\n')}\n`;
}

function cells(process: ProcessStatus, processes: readonly ProcessStatus[]): string[] {
  const { rank, address, reachable, latencyMs, trouble, report, reportTrouble } = process;
  const begin = [String(rank), address, reachable ? 'yes' : 'no'];
  if (latencyMs === null) return [...begin, trouble ?? ''];
  begin.push(`${latencyMs.toFixed(2)} ms`);
  if (report === null) return [...begin, `does not tell: ${reportTrouble ?? 'no report'}`];
  const { standing, written, damaged, healed } = report;
  const rebuild = describeRebuild(report, processes);
  return [
    ...begin,
    ...[written, damaged, healed].map(String),
    describeMissed(report),
    describeScrub(report),
    rebuild === '' ? standing : `${standing}: ${rebuild}`,
  ];
}

/** "3 (17)": this process knows of 17 sectors that process 3 has missed. */
function describeMissed({ missed, missedMore }: ReceivedReport): string {
  const counts = Object.entries(missed).map(([rank, count]) => `${rank} (${count})`);
  if (missedMore) counts.push('more');
  return counts.length === 0 ? '-' : counts.join(', ');
}

function describeScrub({ scrub }: ReceivedReport): string {
  const passes = scrub.passes === 1 ? '1 pass' : `${scrub.passes} passes`;
  return scrub.isRunning ? `at ${scrub.position}, ${passes}` : passes;
}
