import type { Rank } from '../../../src/core/rank.js';
import type { SectorIndex } from '../../../src/core/sector.js';

/** How far the repairs are; for the status. */
export interface RepairProgress {
  /** Sectors known to be damaged that wait to be mended. */
  readonly toHeal: Set<SectorIndex>;
  healedCount: number;
  rebuild: {
    /** Everything below this has been taken in. */
    cursor: SectorIndex;
    takenCount: number;
    /** Sectors that the others have, as far as known. */
    totalCount: number;
    isEnough: boolean;
  };
  scrub: ScrubProgress;
}

export interface ScrubProgress {
  isRunning: boolean;
  /** A scrub was asked for: from the beginning, at full speed. */
  isWanted: boolean;
  /** The one that runs was asked for. */
  isFast: boolean;
  passCount: number;
  cursor: SectorIndex;
  verifiedCount: number;
  damagedCount: number;
  /** Sectors of which others had something newer, which was taken in. */
  behindCount: number;
  /** Sectors that others had an older value of, or none, and are handed. */
  aheadCount: number;
  /** Members that were compared with in this pass. */
  comparedRanks: Rank[];
}

/** Sectors that wait to be mended, at most: the rest is found again by a read or a scrub. */
const TO_HEAL_MAX = 65_536;

/** The own disk could not give that sector back. */
export function noteDamaged({ toHeal }: RepairProgress, sector: SectorIndex): void {
  if (toHeal.size < TO_HEAL_MAX) toHeal.add(sector);
}

export function newRepairProgress(): RepairProgress {
  return {
    toHeal: new Set(),
    healedCount: 0,
    rebuild: { cursor: 0, takenCount: 0, totalCount: 0, isEnough: false },
    scrub: newScrubProgress(),
  };
}

export function newScrubProgress(): ScrubProgress {
  return {
    isRunning: false,
    isWanted: false,
    isFast: false,
    passCount: 0,
    cursor: 0,
    verifiedCount: 0,
    damagedCount: 0,
    behindCount: 0,
    aheadCount: 0,
    comparedRanks: [],
  };
}
