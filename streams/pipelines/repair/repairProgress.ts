import type { Rank } from '../../../src/core/rank.js';
import type { SectorIndex } from '../../../src/core/sector.js';

/** The progress of the repairs, for the status report. Counts are in sectors. */
export interface RepairProgress {
  /** Sectors known to be damaged that wait to be mended: at most TO_HEAL_MAX. */
  readonly toHeal: Set<SectorIndex>;
  healedCount: number;
  rebuild: {
    /** All sectors below this one have been taken in. */
    cursor: SectorIndex;
    takenCount: number;
    /** The largest number of written sectors that a member has told. */
    totalCount: number;
    isEnough: boolean;
  };
  scrub: ScrubProgress;
}

export interface ScrubProgress {
  isRunning: boolean;
  /** Whether a scrub was asked for: it begins at the first sector, and runs at full speed. */
  isWanted: boolean;
  /** Whether the running scrub was asked for. */
  isFast: boolean;
  /** Whether the running scrub compares versions only, and reads no data that is alike. */
  comparesOnly: boolean;
  /** Whether the running scrub has compared with all others so far, and mended all that it has found. */
  isWhole: boolean;
  passCount: number;
  cursor: SectorIndex;
  verifiedCount: number;
  damagedCount: number;
  /** Sectors whose newer value was taken in from others. */
  behindCount: number;
  /** Sectors of which others had an older value or none: they are handed over. Counts each of the others. */
  aheadCount: number;
  /** Ranks of the members that were compared with in this pass. */
  comparedRanks: Rank[];
}

/** The largest number of sectors that wait to be mended. The rest is found again by a READ or a scrub. */
const TO_HEAL_MAX = 65_536;

/** The copy of that sector on the own disk is damaged. */
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
    comparesOnly: false,
    isWhole: true,
    passCount: 0,
    cursor: 0,
    verifiedCount: 0,
    damagedCount: 0,
    behindCount: 0,
    aheadCount: 0,
    comparedRanks: [],
  };
}
