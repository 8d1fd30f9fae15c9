import type { SchedulerLike } from 'rxjs';
import type { Rank } from '../../../src/core/rank.js';
import type { Notes } from '../../../src/ports/notes.js';
import type { SectorStore } from '../../../src/ports/store.js';
import type { Exchange } from './exchange.js';
import type { MembershipState } from '../membership/membershipState.js';
import type { ProcessState } from '../processState.js';

export interface RepairLimits {
  /** How often what was missed is made durable, and how long an acknowledgement may be late, ms. */
  readonly missedMs: number;
  /** A question of a repair is given up, and asked later or of another, after so many ms. */
  readonly answerMs: number;
  /** Repairs under way at a time, for each kind: while clients wait, and while none does. */
  readonly lanesBusy: number;
  readonly lanesIdle: number;
  /** Sectors that a scrub reads in a second, on its own accord; 0: it does not. */
  readonly scrubSectorsPerSecond: number;
  /** Between two scrubs, and before the first, ms. */
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
  /** The process has taken in all that it may have promised. */
  readonly rebuilt: () => void;
}

/** Repairs under way, by how much clients have to do. */
export function lanesOf({ limits, state }: RepairOptions): number {
  return state.ledger.entries.size > 0 ? limits.lanesBusy : limits.lanesIdle;
}
