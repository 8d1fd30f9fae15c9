/**
 * Decides when to log that a peer cannot be reached. The first time is after a while, because processes that start
 * together wait for each other. Then the pauses between two reports double.
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

  /**
   * An attempt to reach the peer has failed. @returns since when (ms of the clock) it cannot be reached, if that is to
   * be logged now; else null.
   */
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

  /** The peer was reached. @returns whether it was logged before that it could not be reached. */
  reached(rank: Rank): boolean {
    const wasTold = this.absences.get(rank)?.wasTold ?? false;
    this.absences.delete(rank);
    return wasTold;
  }
}
