import type { ProcessCounters } from '../../../src/core/counters.js';
import type { Difference } from '../../../src/core/membership/configuration.js';
import type { FoundingWait } from '../../../src/core/membership/founding.js';
import { waitingOf } from '../../../src/core/membership/founding.js';
import type { MemberState } from '../../../src/core/membership/identity.js';
import type { RegisterMode } from '../../../src/core/membership/registerMode.js';
import type { Objection } from '../../../src/core/membership/state.js';
import type { TransitionWait } from '../../../src/core/membership/transition.js';
import { transitionWaitOf } from '../../../src/core/membership/transition.js';
import type { Rank } from '../../../src/core/rank.js';
import type { MembershipState } from '../membership/membershipState.js';
import type { ProcessPipelineOptions } from '../processOptions.js';
import type { StrictPart } from '../replica/strictPart.js';
import type { Differences, ProcessState } from '../processState.js';
import { tellsMaps } from './sectorMaps.js';

/** The answer to the inquiries STATUS and SCRUB: JSON of at most 4096 bytes. */
export interface StatusReport {
  readonly rank: Rank;
  readonly processes: number;
  /** Configured size of the disk, in sectors. Older versions do not tell. */
  readonly sectors?: number | undefined;
  /**
   * How many process messages with a wrong tag came lately, by the address that they came from: a member with another
   * system key, or an attacker. Older versions do not tell.
   */
  readonly badTags?: Readonly<Record<string, number>> | undefined;
  readonly standing: MemberState;
  readonly incarnation: number;
  /** The condition that a fresh process waits for. Older versions tell neither this nor the next two fields. */
  readonly waiting?: FoundingWait | undefined;
  /** Why a member does not vote. */
  readonly objections?: readonly Objection[] | undefined;
  /** How the configurations of peers differ from that of this process: at most DIFFERENCES_MAX differences. */
  readonly differences?: readonly (Difference & { readonly rank: Rank })[] | undefined;
  /**
   * The boot id, in hexadecimal. When it changes, the boot before is over (docs/adr/0006-client-resubmission.md). Older
   * versions do not tell.
   */
  readonly start?: string | undefined;
  /** How the members keep the registers. Older versions, which are of the open mode, do not tell. */
  readonly members?: RegisterMode | undefined;
  /** What an open process that could be strict waits for: src/core/membership/transition.ts. */
  readonly strictWaits?: TransitionWait | undefined;
  /** Of a process of the strict mode (docs/strict-register.md). */
  readonly strict?: StrictReport | undefined;
  /**
   * Sectors ever written, sectors whose copy here is damaged, and sectors that were mended since the start. In the
   * strict mode the last are those that this process has brought to one settled version on its own account.
   */
  readonly written: number;
  readonly damaged: number;
  readonly healed: number;
  /** Operations of clients under way. */
  readonly operations: number;
  /** Number of sectors that each peer is known to have missed, by rank. A rank that is left out has missed none. */
  readonly missed: Readonly<Record<string, number>>;
  /** Whether some missed sectors did not fit on record: a scrub finds them. */
  readonly missedMore: boolean;
  /** Ranks of the peers that it has a connection to. */
  readonly connected: readonly Rank[];
  /** Those of them with which it has agreed on the extension. Older versions do not tell. */
  readonly extended?: readonly Rank[] | undefined;
  /** Whether it answers MAP. Older versions, and processes with workers, do not tell. */
  readonly maps?: boolean | undefined;
  /** The progress of a joining process, in sectors; null for any other. */
  readonly rebuild: {
    readonly taken: number;
    readonly total: number;
    /** Whether it can reach as many members as it needs. */
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
  /** Its counters since its start. Older versions do not tell. */
  readonly counters?: Readonly<ProcessCounters> | undefined;
}

export interface StrictReport {
  /** Sectors that are promised above what is stored, and regions of which all sectors may be. */
  readonly promises: number;
  readonly floors: number;
  /** Active regions. */
  readonly regions: number;
  /** Sectors that a crash or a dead coordinator may have left undecided, and that were not checked yet. */
  readonly toCheck: number;
}

/** More differences might not fit into a report. */
const DIFFERENCES_MAX = 8;

/** Each difference once, although both connections to a peer may have shown it. */
function differencesIn({ heard, answered }: Differences): StatusReport['differences'] {
  const found = new Map<string, Difference & { readonly rank: Rank }>();
  for (const [rank, differences] of [...answered, ...heard]) {
    for (const difference of differences) {
      found.set(`${rank} ${difference.field}`, { rank, ...difference });
    }
  }
  return found.size === 0 ? undefined : [...found.values()].slice(0, DIFFERENCES_MAX);
}

/** The largest size of a report, in bytes. */
const REPORT_SIZE_MAX = 4_096;

/**
 * The report as JSON. The counters are left out if it would be too long, as in a cluster of hundreds of processes that
 * have missed much.
 */
export function textOfReport(report: StatusReport): string {
  const text = JSON.stringify(report);
  // All of it is ASCII.
  if (text.length <= REPORT_SIZE_MAX) return text;
  return JSON.stringify({ ...report, counters: undefined });
}

function strictReport({ promises, regions }: StrictPart['state']): StrictReport {
  const { promises: count, floors } = promises.counts();
  return { promises: count, floors, regions: regions.size, toCheck: regions.counts().toCheck };
}

export function reportOf(
  options: Pick<ProcessPipelineOptions, 'self' | 'bootId' | 'verdict' | 'strict'>,
  { ledger, missed, peers, repair, counters, differences, badTags }: ProcessState,
  { memberState, current }: MembershipState,
  { written, damaged }: { readonly written: number; readonly damaged: number },
): StatusReport {
  const { self, bootId } = options;
  const missedBy: Record<string, number> = {};
  let missedMore = (options.strict?.state.regions.forgotten ?? 0) > 0;
  for (const [rank, peer] of missed.peers) {
    // Sectors that may still be acknowledged are not counted: under load there always are some.
    const { count } = peer.missed;
    if (count > 0) missedBy[rank] = count;
    missedMore ||= peer.missed.hasOverflowed;
  }
  const regions = options.strict?.state.regions.counts();
  for (const [rank, count] of regions?.lacking ?? []) missedBy[rank] = count;
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
    members: options.strict === null ? 'open' : 'strict',
    strictWaits: transitionWaitOf(current) ?? undefined,
    strict: options.strict === null ? undefined : strictReport(options.strict.state),
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
