/** Waits until no copy is missing any more, by taking the status of the cluster again and again. */
import type { Observable, SchedulerLike } from 'rxjs';
import { defer, map, repeat, scan, takeWhile, timer } from 'rxjs';
import type { ClusterStatus } from './clusterStatus.js';
import { sectorsToGo } from './redundancy.js';
import type { SectorsDone } from './sectorProgress.js';

export interface UntilFullOptions {
  /** Emits the status of the cluster and completes, within a bounded time. */
  readonly status$: Observable<ClusterStatus>;
  /** Milliseconds after which the next status is the last one. */
  readonly waitMs: number;
  /** Milliseconds between one status and asking for the next one. */
  readonly pauseMs: number;
  readonly scheduler: SchedulerLike;
}

export interface WaitResult {
  readonly status: ClusterStatus;
  readonly waitedMs: number;
  readonly sectors: SectorsDone;
}

/**
 * ```
 * status$  ----r|----r|----s|        reduced, reduced, settled
 * output   ----r---------r---------(s|)
 * ```
 * Completes with the first status that is settled, or with the last one in time. An error of `status$` is passed on.
 */
export function untilFull(options: UntilFullOptions): Observable<WaitResult> {
  const { status$, waitMs, pauseMs, scheduler } = options;
  return defer(() => {
    const startMs = scheduler.now();
    const leftMs = (): number => startMs + waitMs - scheduler.now();
    return status$.pipe(
      repeat({ delay: () => timer(Math.max(0, Math.min(pauseMs, leftMs())), scheduler) }),
      map((status) => ({ status, waitedMs: scheduler.now() - startMs })),
      scan(advance, null as Advanced | null),
      map((advanced) => toWaiting(advanced as Advanced)),
      takeWhile(({ status }) => !status.redundancy.settled && leftMs() > 0, true),
    );
  });
}

interface Advanced extends Pick<WaitResult, 'status' | 'waitedMs'> {
  /** Number of sectors that were done in all, as far as was seen. */
  readonly done: number;
  readonly toGo: number;
}

/** If more sectors are missed meanwhile, the total rises, and the number of done sectors stays. */
function advance(before: Advanced | null, next: Pick<WaitResult, 'status' | 'waitedMs'>): Advanced {
  const toGo = sectorsToGo(next.status.processes);
  if (before === null) return { ...next, done: 0, toGo };
  return { ...next, done: before.done + Math.max(0, before.toGo - toGo), toGo };
}

function toWaiting({ status, waitedMs, done, toGo }: Advanced): WaitResult {
  const { reasons } = status.redundancy;
  const more = reasons.length > 1 ? ` and ${reasons.length - 1} more` : '';
  const remark = reasons.length === 0 ? 'full' : `${reasons[0]}${more}`;
  return { status, waitedMs, sectors: { done, total: done + toGo, remark } };
}
