/**
 * Starts a scrub in every process and follows each to its end. A process is asked to begin, and then for its progress,
 * until the scrub is over and the damaged sectors that it has found are healed. If a process falls silent, or starts
 * again and so forgets its scrub, only its own part ends.
 */
import type { Observable, SchedulerLike } from 'rxjs';
import { combineLatest, concat, concatMap, defer, map, of, repeat, scan, takeWhile, timer } from 'rxjs';
import type { Inquiry } from '../../core/membership/memberMessage.js';
import type { Rank } from '../../core/rank.js';
import type { ReportAnswer } from './askReport.js';
import { mismatchOf, plural } from './redundancy.js';
import type { SectorsDone } from './sectorProgress.js';
import type { ReceivedReport } from './reportFields.js';

export interface ScrubAllOptions {
  readonly ranks: readonly Rank[];
  /** Sends an inquiry to a process. Emits one answer and completes. */
  readonly ask: (rank: Rank, inquiry: Inquiry) => Observable<ReportAnswer>;
  /** Milliseconds between an answer and the next question. */
  readonly pauseMs: number;
  /** Milliseconds after which a process that has not answered is given up. */
  readonly silentMs: number;
  /** Milliseconds that healing may take after the end of the scrub. */
  readonly healMs: number;
  readonly scheduler: SchedulerLike;
}

export interface ProcessScrub {
  readonly rank: Rank;
  /** `healing`: the scrub is over, and some sectors are still damaged. */
  readonly phase: 'underWay' | 'healing' | 'over' | 'failed';
  /** Why it failed. */
  readonly trouble: string | null;
  /** Its last status report. */
  readonly report: ReceivedReport | null;
  /** The result of the scrub so far; null: the process has not answered yet. */
  readonly counts: ReceivedReport['scrub'] | null;
  /** Sectors healed since the scrub was asked for. */
  readonly healed: number;
}

/** Emits the state of all scrubs whenever a process has answered. Completes when none is under way any more. */
export function scrubAll(options: ScrubAllOptions): Observable<readonly ProcessScrub[]> {
  return combineLatest(options.ranks.map((rank) => scrubOne(rank, options)));
}

/**
 * ```
 * scrub    --r|                       the report at the start
 * status        --r|   --r|           under way, over
 * output   --u----u------(o|)
 * ```
 */
function scrubOne(rank: Rank, options: ScrubAllOptions): Observable<ProcessScrub> {
  const { ask, pauseMs, ranks, scheduler } = options;
  return defer(() => ask(rank, 'scrub')).pipe(
    concatMap((answer) => {
      const begun = beginning(rank, answer, ranks.length);
      if (begun.phase === 'failed' || begun.report === null) return of(begun);
      const start: Watch = { first: begun.report, lastReceivedMs: scheduler.now(), state: begun };
      const answer$ = timer(pauseMs, scheduler).pipe(
        concatMap(() => ask(rank, 'status')),
        repeat(),
      );
      const state$ = answer$.pipe(
        scan((watch, next) => onReport(watch, next, options), start),
        map(({ state }) => state),
      );
      return concat(of(begun), state$);
    }),
    takeWhile(({ phase }) => phase === 'underWay' || phase === 'healing', true),
  );
}

interface Watch {
  /** The report from when the scrub was asked for. */
  readonly first: ReceivedReport;
  readonly lastReceivedMs: number;
  /** When the scrub was over. */
  readonly overMs?: number;
  readonly state: ProcessScrub;
}

function beginning(rank: Rank, answer: ReportAnswer, processCount: number): ProcessScrub {
  // The counts are still those of the previous scrub.
  const state = { rank, phase: 'underWay', trouble: null, report: null, counts: null } as const;
  if (answer.kind !== 'report') return failed({ ...state, healed: 0 }, answer.trouble);
  const mismatch = mismatchOf(rank, processCount, answer.report);
  if (mismatch !== null) return failed({ ...state, healed: 0 }, mismatch);
  return { ...state, report: answer.report, healed: 0 };
}

function onReport(watch: Watch, answer: ReportAnswer, { scheduler, silentMs, healMs }: ScrubAllOptions): Watch {
  const { first, state } = watch;
  const nowMs = scheduler.now();
  if (answer.kind !== 'report') {
    const isSilent = nowMs - watch.lastReceivedMs >= silentMs;
    return isSilent ? { ...watch, state: failed(state, answer.trouble) } : watch;
  }
  const { report } = answer;
  const { scrub } = report;
  const answered = { ...watch, lastReceivedMs: nowMs };
  // Passes are counted since the start of the process: if there are fewer than before, it has started again.
  const isForgotten =
    scrub.passes < first.scrub.passes ||
    (scrub.passes === first.scrub.passes && !scrub.isRunning && watch.overMs === undefined);
  if (isForgotten) {
    const trouble = 'it started again, and the scrub was cut short';
    return { ...answered, state: failed({ ...state, report }, trouble) };
  }
  const healed = Math.max(0, report.healed - first.healed);
  if (scrub.passes === first.scrub.passes) {
    return { ...answered, state: { ...state, report, counts: scrub, healed } };
  }
  const overMs = watch.overMs ?? nowMs;
  // Another scrub may have begun since.
  const counts = watch.overMs === undefined ? scrub : state.counts;
  const isHealing = report.damaged > 0 && nowMs - overMs < healMs;
  const phase = isHealing ? 'healing' : 'over';
  return { ...answered, overMs, state: { ...state, phase, report, counts, healed } };
}

function failed(state: ProcessScrub, trouble: string): ProcessScrub {
  return { ...state, phase: 'failed', trouble };
}

/** The progress of all scrubs together. */
export function scrubProgress(scrubs: readonly ProcessScrub[]): SectorsDone {
  let done = 0;
  let total = 0;
  const remarks: string[] = [];
  for (const { rank, phase, report, counts } of scrubs) {
    if (report === null || phase === 'failed') continue;
    const { written } = report;
    total += written;
    if (phase === 'underWay') {
      done += Math.min(written, counts === null ? 0 : counts.verified + counts.behind);
      if (report.standing !== 'member') remarks.push(`process ${rank} is ${report.standing}`);
    } else {
      done += written;
      if (phase === 'healing') remarks.push(`process ${rank} heals`);
    }
  }
  return { done, total, remark: remarks.join(', ') };
}

/** In words: everything that is missing or wrong; empty: every copy was read, compared, and is sound. */
export function scrubTroubles(scrubs: readonly ProcessScrub[]): string[] {
  return scrubs.flatMap(({ rank, phase, trouble, report, counts }) => {
    const name = `process ${rank}`;
    if (phase === 'failed') return [`${name}: ${trouble ?? 'no answer'}`];
    if (phase === 'underWay' || report === null || counts === null) {
      return [`${name} is not through`];
    }
    const apart = scrubs.filter((other) => other.rank !== rank && !counts.comparedWith.includes(other.rank));
    const troubles = apart.map((other) => `${name} was not compared with process ${other.rank}`);
    if (report.damaged === 0) return troubles;
    return [...troubles, `${plural(report.damaged, 'sector')} of ${name} stayed damaged`];
  });
}
