import type { ProcessCounters } from '../../../src/core/counters.js';
import type { Difference } from '../../../src/core/membership/configuration.js';
import type { Waiting } from '../../../src/core/membership/founding.js';
import { waitingOf } from '../../../src/core/membership/founding.js';
import type { MemberState } from '../../../src/core/membership/identity.js';
import type { Objection } from '../../../src/core/membership/state.js';
import type { Rank } from '../../../src/core/rank.js';
import type { MembershipState } from '../membership/membershipState.js';
import type { ProcessPipelineOptions } from '../processOptions.js';
import type { Differences, ProcessState } from '../processState.js';
import { tellsMaps } from './sectorMaps.js';

/** What a process says of itself when a client asks: JSON, at most 4096 bytes. */
export interface StatusReport {
  readonly rank: Rank;
  readonly processes: number;
  /** Size of the disk as it is configured. Older versions do not tell. */
  readonly sectors?: number | undefined;
  /**
   * Messages of processes that came with a wrong tag lately, by the address that they came from: a member with another
   * system key, or somebody who meddles. Older versions do not tell.
   */
  readonly badTags?: Readonly<Record<string, number>> | undefined;
  readonly standing: MemberState;
  readonly incarnation: number;
  /** What a fresh process waits for. Older versions do not tell this nor the next two. */
  readonly waiting?: Waiting | undefined;
  /** Why a member does not vote. */
  readonly objections?: readonly Objection[] | undefined;
  /** In what peers differ from this process: DIFFERENCES_MAX of them at most. */
  readonly differences?: readonly (Difference & { readonly rank: Rank })[] | undefined;
  /**
   * Random, drawn at its start: hexadecimal. Whoever hears another one knows that the life before is over
   * (docs/adr/0006-client-resubmission.md). Older versions do not tell.
   */
  readonly start?: string | undefined;
  /** Sectors ever written, those that its disk cannot give back, and those it got back. */
  readonly written: number;
  readonly damaged: number;
  readonly healed: number;
  /** Operations of clients under way. */
  readonly operations: number;
  /** What this process knows that others have missed, by rank; none of those that are left out. */
  readonly missed: Readonly<Record<string, number>>;
  /** Some of what was missed did not fit on record: a scrub finds it. */
  readonly missedMore: boolean;
  /** Ranks of the processes that it has a connection to. */
  readonly connected: readonly Rank[];
  /** … and of them those that it has agreed with on the extension. Older versions do not tell. */
  readonly extended?: readonly Rank[] | undefined;
  /** Whether it answers MAP. Older versions, and processes with workers, do not tell. */
  readonly maps?: boolean | undefined;
  /** How far a joining process is. */
  readonly rebuild: {
    readonly taken: number;
    readonly total: number;
    /** Whether as many members can be reached as it needs. */
    readonly isEnough: boolean;
  } | null;
  readonly scrub: {
    readonly isRunning: boolean;
    readonly passes: number;
    readonly position: number;
    readonly verified: number;
    readonly damaged: number;
    readonly behind: number;
    readonly ahead: number;
    readonly comparedWith: readonly Rank[];
  };
  /** What it has done since its start; processes of older versions do not tell. */
  readonly counters?: Readonly<ProcessCounters> | undefined;
}

/** More would not fit into a report. */
const DIFFERENCES_MAX = 8;

/** Each once, though it may have been told twice: by each end's connection. */
function differencesIn({ heard, answered }: Differences): StatusReport['differences'] {
  const found = new Map<string, Difference & { readonly rank: Rank }>();
  for (const [rank, differences] of [...answered, ...heard]) {
    for (const difference of differences) {
      found.set(`${rank} ${difference.field}`, { rank, ...difference });
    }
  }
  return found.size === 0 ? undefined : [...found.values()].slice(0, DIFFERENCES_MAX);
}

/** Bytes of a report. */
const REPORT_SIZE_MAX = 4_096;

/** As JSON; in a cluster of hundreds that has missed much, without what can be done without. */
export function textOfReport(report: StatusReport): string {
  const text = JSON.stringify(report);
  // All of it is ASCII.
  if (text.length <= REPORT_SIZE_MAX) return text;
  return JSON.stringify({ ...report, counters: undefined });
}

export function reportOf(
  options: Pick<ProcessPipelineOptions, 'self' | 'bootId' | 'verdict'>,
  { ledger, missed, peers, repair, counters, differences, badTags }: ProcessState,
  { memberState, current }: MembershipState,
  { written, damaged }: { readonly written: number; readonly damaged: number },
): StatusReport {
  const { self, bootId } = options;
  const missedBy: Record<string, number> = {};
  let missedMore = false;
  for (const [rank, peer] of missed.peers) {
    // Not what may still be acknowledged: under load there always is some.
    const { count } = peer.missed;
    if (count > 0) missedBy[rank] = count;
    missedMore ||= peer.missed.hasOverflowed;
  }
  const { rebuild, scrub } = repair;
  return {
    rank: self.rank,
    processes: self.processCount,
    sectors: current.configuration.sectors,
    badTags: badTags.recent(),
    standing: memberState,
    incarnation: current.own.incarnation,
    waiting: memberState === 'fresh' ? waitingOf(current) : undefined,
    objections: current.objections.length > 0 ? current.objections : undefined,
    differences: differencesIn(differences),
    start: bootId,
    written,
    damaged,
    healed: repair.healedCount,
    operations: ledger.entries.size,
    missed: missedBy,
    missedMore,
    connected: peers.filter(({ isConnected }) => isConnected).map(({ rank }) => rank),
    extended: peers
      .filter(({ isConnected, negotiation }) => isConnected && negotiation.agreed !== 0)
      .map(({ rank }) => rank),
    ...(tellsMaps(options) && { maps: true }),
    rebuild:
      memberState === 'joining'
        ? { taken: rebuild.takenCount, total: rebuild.totalCount, isEnough: rebuild.isEnough }
        : null,
    scrub: {
      isRunning: scrub.isRunning || scrub.isWanted,
      passes: scrub.passCount,
      position: scrub.cursor,
      verified: scrub.verifiedCount,
      damaged: scrub.damagedCount,
      behind: scrub.behindCount,
      ahead: scrub.aheadCount,
      comparedWith: scrub.comparedRanks,
    },
    counters,
  };
}
