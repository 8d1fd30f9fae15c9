/** What the workers of a process say of themselves, as what the process says. */
import { assert } from '../core/assert.js';
import type { ProcessCounters } from '../core/counters.js';
import { newCounters } from '../core/counters.js';
import { MEMBER_STATES } from '../core/membership/identity.js';
import type { Rank } from '../core/rank.js';
import type { StatusReport } from '../../streams/pipelines/status/statusReport.js';

/** @param reports One of each worker. */
export function mergedReport(reports: readonly StatusReport[]): StatusReport {
  const [first] = reports;
  assert(reports.length > 0, 'a process has at least one worker');
  const sum = (numberOf: (report: StatusReport) => number): number =>
    reports.reduce((total, report) => total + numberOf(report), 0);
  const standing = MEMBER_STATES.find((one) => reports.some((report) => report.standing === one));
  return {
    rank: first.rank,
    processes: first.processes,
    sectors: first.sectors,
    badTags: mergedCounts(reports.map(({ badTags }) => badTags ?? {})),
    standing: standing ?? 'member',
    incarnation: Math.max(...reports.map(({ incarnation }) => incarnation)),
    // Workers have one configuration: what the first of them says that waits is what all would.
    waiting: reports.find(({ waiting }) => waiting !== undefined)?.waiting,
    objections: reports.find(({ objections }) => objections !== undefined)?.objections,
    differences: reports.find(({ differences }) => differences !== undefined)?.differences,
    start: mergedStart(reports),
    written: sum(({ written }) => written),
    damaged: sum(({ damaged }) => damaged),
    healed: sum(({ healed }) => healed),
    operations: sum(({ operations }) => operations),
    missed: mergedCounts(reports.map(({ missed }) => missed)),
    missedMore: reports.some(({ missedMore }) => missedMore),
    connected: common(reports.map(({ connected }) => connected)),
    extended: common(reports.map(({ extended }) => extended ?? [])),
    rebuild: mergedRebuild(reports),
    scrub: mergedScrub(reports),
    counters: mergedCounters(reports),
  };
}

/** Workers start and end with their process: one of theirs, whoever of them answers first. */
function mergedStart(reports: readonly StatusReport[]): string | undefined {
  const starts = reports.map(({ start }) => start);
  return starts.includes(undefined) ? undefined : starts.sort()[0];
}

function mergedCounts(all: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const merged: Record<string, number> = {};
  for (const counts of all) {
    for (const [name, count] of Object.entries(counts)) {
      merged[name] = (merged[name] ?? 0) + count;
    }
  }
  return merged;
}

/** Of the workers that are joining. */
function mergedRebuild(reports: readonly StatusReport[]): StatusReport['rebuild'] {
  const rebuilds = reports.flatMap(({ rebuild }) => rebuild ?? []);
  if (rebuilds.length === 0) return null;
  return {
    taken: rebuilds.reduce((total, { taken }) => total + taken, 0),
    total: rebuilds.reduce((all, { total }) => all + total, 0),
    isEnough: rebuilds.every(({ isEnough }) => isEnough),
  };
}

/** A pass of the process is one of every worker. */
function mergedScrub(reports: readonly StatusReport[]): StatusReport['scrub'] {
  const scrubs = reports.map(({ scrub }) => scrub);
  const sum = (name: 'verified' | 'damaged' | 'behind' | 'ahead'): number =>
    scrubs.reduce((total, scrub) => total + scrub[name], 0);
  const running = scrubs.filter(({ isRunning }) => isRunning);
  const positions = (running.length > 0 ? running : scrubs).map(({ position }) => position);
  return {
    isRunning: running.length > 0,
    passes: Math.min(...scrubs.map(({ passes }) => passes)),
    position: Math.min(...positions),
    verified: sum('verified'),
    damaged: sum('damaged'),
    behind: sum('behind'),
    ahead: sum('ahead'),
    comparedWith: common(scrubs.map(({ comparedWith }) => comparedWith)),
  };
}

function mergedCounters(reports: readonly StatusReport[]): ProcessCounters {
  const merged = newCounters();
  for (const { counters } of reports) {
    if (counters === undefined) continue;
    for (const name of Object.keys(merged) as (keyof ProcessCounters)[]) {
      merged[name] += counters[name];
    }
  }
  return merged;
}

/** Those that stand in every list. */
function common(lists: readonly (readonly Rank[])[]): Rank[] {
  const [first, ...others] = lists;
  return first.filter((rank) => others.every((list) => list.includes(rank)));
}
