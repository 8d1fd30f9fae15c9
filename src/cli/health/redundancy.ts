/**
 * Whether every process has a copy of every sector, by the status reports of the processes. Copies that no process has
 * reported are not counted.
 */
import { WRONG_TAGS } from '../../client/link.js';
import { describeDifference, describeObjection, describeWaiting } from '../../core/membership/describe.js';
import { rebuildQuorum } from '../../core/membership/heard.js';
import type { ProcessStatus, Redundancy } from './clusterStatus.js';
import type { ReceivedReport } from './reportFields.js';

/**
 * @param processes All of the cluster, by rank.
 * @param disagreements What `disagreementsOf` found.
 */
export function redundancyOf(processes: readonly ProcessStatus[], disagreements: readonly string[]): Redundancy {
  const reasons = processes.flatMap((process) => reasonsOf(process, processes));
  const all = [...disagreements, ...reasons];
  return { full: all.length === 0, settled: reasons.length === 0, reasons: all };
}

/**
 * In words: where the configurations of the processes and that of this command differ. This is not a matter of copies,
 * and does not end by itself: the operator has to mend it.
 * @param sectors Size of the disk in the configuration of this command.
 */
export function disagreementsOf(processes: readonly ProcessStatus[], sectors: number): string[] {
  const mismatches = processes.flatMap(({ rank, report }) =>
    report === null ? [] : (mismatchOf(rank, processes.length, report) ?? []),
  );
  return [
    ...mismatches,
    ...sizesOf(processes, sectors),
    ...processes.flatMap(differencesOf),
    ...processes.flatMap(otherKeys),
  ];
}

/** Whether all have the same number of sectors configured. */
function sizesOf(processes: readonly ProcessStatus[], sectors: number): string[] {
  const bySize = new Map([[sectors, ['the configuration here']]]);
  for (const { rank, report } of processes) {
    const size = report?.sectors ?? sectors;
    bySize.set(size, [...(bySize.get(size) ?? []), `process ${rank}`]);
  }
  if (bySize.size === 1) return [];
  const sizes = [...bySize].map(([size, names]) => `${size} in ${names.join(', ')}`);
  return [`the configurations differ in sectors: ${sizes.join('; ')}`];
}

/** Differences that the processes have noticed themselves. Numbers of sectors are compared above. */
function differencesOf({ rank, report }: ProcessStatus): string[] {
  const differences = (report?.differences ?? [])
    .filter(({ field }) => field !== 'sectors')
    .map((difference) => describeDifference(rank, difference.rank, difference));
  const objections = (report?.objections ?? []).map(
    (objection) => `process ${rank} does not vote: ${describeObjection(objection)}`,
  );
  return [...differences, ...objections];
}

function otherKeys({ rank, report }: ProcessStatus): string[] {
  const hosts = Object.entries(report?.badTags ?? {}).map(([host, count]) => `${host} (${count})`);
  if (hosts.length === 0) return [];
  return [
    `process ${rank} has got messages with wrong tags from ${hosts.join(', ')}: if a member runs ` +
      'there, its system key is another one',
  ];
}

/** Number of sectors that have yet to be taken in, handed over or healed, by the reports. */
export function sectorsToGo(processes: readonly Pick<ProcessStatus, 'report'>[]): number {
  let sectors = 0;
  for (const { report } of processes) {
    if (report === null) continue;
    const { rebuild, missed, damaged, strict } = report;
    if (rebuild !== null) sectors += Math.max(0, rebuild.total - rebuild.taken);
    for (const count of Object.values(missed)) sectors += count;
    sectors += damaged + (strict?.toCheck ?? 0);
  }
  return sectors;
}

/** In words: how the process differs from the one that the configuration here has at its address; null: it does not. */
export function mismatchOf(rank: number, count: number, report: ReceivedReport): string | null {
  if (report.rank === rank && report.processes === count) return null;
  return (
    `process ${rank} of ${count} says that it is process ${report.rank} of ` +
    `${report.processes}: the configurations differ`
  );
}

/** "12 of 40 sectors taken in", and what the process waits for; empty: neither is known yet. */
export function describeRebuild(
  { connected, rebuild }: ReceivedReport,
  processes: readonly Pick<ProcessStatus, 'rank' | 'report'>[],
): string {
  if (rebuild === null) return '';
  const { taken, total, isEnough } = rebuild;
  // The process knows the total once the first page of lists has come.
  const parts = total === 0 ? [] : [`${taken} of ${total} sectors taken in`];
  if (isEnough) return parts.join();
  const members = processes.filter(({ rank, report }) => report?.standing === 'member' && connected.includes(rank));
  // The process may not have noticed the end of the last connection yet.
  const lacking = Math.max(1, rebuildQuorum(processes.length) - members.length);
  return [...parts, `waits for ${plural(lacking, 'more member')}`].join(', ');
}

/** "1 sector", "2 sectors". */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

function reasonsOf(process: ProcessStatus, processes: readonly ProcessStatus[]): string[] {
  const { rank, reachable, trouble, report, reportTrouble } = process;
  const name = `process ${rank}`;
  if (trouble === WRONG_TAGS) return [`${name}: ${trouble}`];
  if (!reachable) return [`${name} is down (${trouble ?? 'no answer'})`];
  if (report === null) return [`${name} does not tell (${reportTrouble ?? 'no report'})`];
  // This is in the list already.
  if (mismatchOf(rank, processes.length, report) !== null) return [];
  const reasons: string[] = [];
  if (report.standing === 'fresh') {
    const why = report.waiting === undefined ? '' : `: ${describeWaiting(report.waiting)}`;
    reasons.push(`${name} is fresh: not a member yet${why}`);
  }
  if (report.standing === 'joining') {
    const progress = describeRebuild(report, processes);
    reasons.push(`${name} is joining${progress === '' ? '' : ` (${progress})`}`);
  }
  for (const [other, count] of Object.entries(report.missed)) {
    if (count === 0) continue;
    reasons.push(`${name} knows of ${plural(count, 'sector')} that process ${other} has missed`);
  }
  if (report.missedMore) {
    reasons.push(`${name} has lost count of what others have missed: a scrub finds it`);
  }
  const { toCheck = 0 } = report.strict ?? {};
  if (toCheck > 0) reasons.push(`${name} has ${plural(toCheck, 'sector')} to check after a crash`);
  if (report.damaged > 0) {
    const { scrub } = report;
    const found = scrub.damaged === 0 ? '' : ` (its scrub found ${scrub.damaged})`;
    reasons.push(`${plural(report.damaged, 'damaged sector')} in ${name}${found}`);
  }
  // A process that cannot be reached is in the list already.
  const apart = processes.filter(
    (other) => other.rank !== rank && other.reachable && !report.connected.includes(other.rank),
  );
  for (const other of apart) reasons.push(`${name} has no connection to process ${other.rank}`);
  return reasons;
}
