import type { SchedulerLike } from 'rxjs';
import type { Rank } from '../../../src/core/rank.js';
import type { Notes } from '../../../src/ports/notes.js';
import type { SectorStore } from '../../../src/ports/store.js';
import type { Exchange } from './exchange.js';
import type { MembershipState } from '../membership/membershipState.js';
import type { StrictPart } from '../replica/strictPart.js';
import type { ProcessState } from '../processState.js';

export interface RepairLimits {
  /** Milliseconds between two savings of the record of missed sectors; an acknowledgement may be late by as much. */
  readonly missedMs: number;
  /**
   * Milliseconds after which an unanswered question of a repair is given up. It is asked later, or of another process.
   */
  readonly answerMs: number;
  /** Repairs of each kind at a time: while operations of clients are under way, and while none is. */
  readonly lanesBusy: number;
  readonly lanesIdle: number;
  /** Sectors that an unasked scrub reads in a second; 0: the process scrubs only when it is asked to. */
  readonly scrubSectorsPerSecond: number;
  /** Milliseconds between two unasked scrubs, and before the first. */
  readonly scrubPauseMs: number;
}

export interface RepairOptions {
  readonly self: Rank;
  readonly processCount: number;
  /** Number of sectors of the disk. */
  readonly sectors: number;
  readonly limits: RepairLimits;
  readonly state: ProcessState;
  readonly membership: MembershipState;
  readonly exchange: Exchange;
  readonly store: SectorStore;
  readonly notes: Notes;
  readonly clock: SchedulerLike;
  /** Called when the process has taken in everything that it may have promised. */
  readonly rebuilt: () => void;
}

/** Of a process of the strict mode. */
export interface StrictRepairOptions extends Omit<RepairOptions, 'exchange' | 'store'> {
  readonly strict: StrictPart;
}

/** The number of repairs of each kind that may be under way now. */
export function lanesOf({ limits, state }: Pick<RepairOptions, 'limits' | 'state'>): number {
  return state.ledger.entries.size > 0 ? limits.lanesBusy : limits.lanesIdle;
}
