/**
 * Notices that operations make no progress, finds out why, and reports it. Without that, a command or a gateway that
 * waits for a majority would seem to hang.
 */
import type { Observable, SchedulerLike } from 'rxjs';
import { defer, EMPTY, exhaustMap, from, interval, map, of } from 'rxjs';
import type { Rank } from '../core/rank.js';
import { majorityOf } from '../core/quorum.js';
import { WRONG_TAGS } from './link.js';

/** Why a process does not answer, in words; null: it answers. */
export type Trouble = string | null;

export interface MajorityWatchOptions {
  readonly ranks: readonly Rank[];
  /** Whether any operation is under way. */
  readonly isWaiting: () => boolean;
  /** Number of answers to operations so far. */
  readonly answers: () => number;
  /** Asks a process why it does not answer. Resolves after a second or so; never rejects. */
  readonly ask: (rank: Rank) => Promise<Trouble>;
  readonly scheduler: SchedulerLike;
}

export type MajorityNews =
  /** Repeated every AGAIN_MS while it lasts. */
  | { readonly kind: 'standstill'; readonly text: string }
  /** A majority of the processes has another client key: waiting does not help. */
  | { readonly kind: 'wrongKey'; readonly text: string }
  | { readonly kind: 'moves' };

const CHECK_MS = 500;
/** Shorter standstills are not reported. */
const PATIENCE_MS = 3_000;
const AGAIN_MS = 30_000;

/**
 * ```
 * operations  ====....................====      . nobody answers
 * result      --------s---------s-----m         s = standstill, m = moves
 * ```
 * Never completes, never fails.
 */
export function watchMajority(options: MajorityWatchOptions): Observable<MajorityNews> {
  const { ranks, isWaiting, answers, ask, scheduler } = options;
  return defer(() => {
    let lastAnswers = answers();
    let movedMs = scheduler.now();
    let saidMs: number | null = null;
    return interval(CHECK_MS, scheduler).pipe(
      exhaustMap((): Observable<MajorityNews> => {
        const nowMs = scheduler.now();
        if (!isWaiting() || answers() !== lastAnswers) {
          lastAnswers = answers();
          movedMs = nowMs;
          const wasStill = saidMs !== null;
          saidMs = null;
          return wasStill ? of({ kind: 'moves' }) : EMPTY;
        }
        if (nowMs - movedMs < PATIENCE_MS) return EMPTY;
        if (saidMs !== null && nowMs - saidMs < AGAIN_MS) return EMPTY;
        saidMs = nowMs;
        return from(Promise.all(ranks.map(ask))).pipe(
          // If operations go on meanwhile, the next check notices it.
          map((troubles) => newsOf(troubles, answers() === 0)),
        );
      }),
    );
  });
}

function newsOf(troubles: readonly Trouble[], nobodyEverAnswered: boolean): MajorityNews {
  const all = troubles.length;
  const majority = majorityOf(all);
  const answering = troubles.filter((trouble) => trouble === null).length;
  const rejecting = troubles.filter((trouble) => trouble === WRONG_TAGS).length;
  if (nobodyEverAnswered && answering === 0 && rejecting >= majority) {
    const text = `${rejecting} of ${all} processes answer with wrong tags: their client key is ` + 'another one';
    return { kind: 'wrongKey', text };
  }
  const counted = `${answering} of ${all} processes ${answering === 1 ? 'answers' : 'answer'}`;
  const text =
    answering < majority
      ? `waiting for a majority: ${counted}`
      : `waiting: ${counted}, but not what was asked ("atdd status" tells more)`;
  return { kind: 'standstill', text };
}
