/**
 * When it is told that a peer cannot be reached: once it has been so for a while, since processes that start together
 * wait for each other, and then less and less often.
 */
import type { Rank } from '../../../src/core/rank.js';

/** Milliseconds. */
const FIRST_MS = 2_000;
const AGAIN_MS = 10_000;
const AGAIN_MS_MAX = 600_000;

interface Absence {
  readonly sinceMs: number;
  dueMs: number;
  pauseMs: number;
  wasTold: boolean;
}

/** Bound: one entry for each peer. */
export class AbsenceReports {
  private readonly absences = new Map<Rank, Absence>();

  /** @returns since when (ms) it cannot be reached, if that is to be told now; else null. */
  failed(rank: Rank, nowMs: number): number | null {
    const absence = this.absences.get(rank);
    if (absence === undefined) {
      const dueMs = nowMs + FIRST_MS;
      this.absences.set(rank, { sinceMs: nowMs, dueMs, pauseMs: AGAIN_MS, wasTold: false });
      return null;
    }
    if (nowMs < absence.dueMs) return null;
    absence.dueMs = nowMs + absence.pauseMs;
    absence.pauseMs = Math.min(AGAIN_MS_MAX, 2 * absence.pauseMs);
    absence.wasTold = true;
    return absence.sinceMs;
  }

  /** @returns whether it was told that it could not be reached. */
  reached(rank: Rank): boolean {
    const wasTold = this.absences.get(rank)?.wasTold ?? false;
    this.absences.delete(rank);
    return wasTold;
  }
}
