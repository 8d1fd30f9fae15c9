import type { SchedulerLike } from 'rxjs';
import type { ProcessCounters } from '../../src/core/counters.js';
import type { Ledger, LedgerLimits } from '../../src/core/ledger.js';
import { emptyLedger } from '../../src/core/ledger.js';
import type { LinkNegotiation } from '../../src/core/link/negotiation.js';
import { newNegotiation } from '../../src/core/link/negotiation.js';
import type { Outbox, OutboxLimits } from '../../src/core/link/outbox.js';
import { newOutbox } from '../../src/core/link/outbox.js';
import type { Difference } from '../../src/core/membership/configuration.js';
import type { MemberState } from '../../src/core/membership/identity.js';
import type { Opening } from '../../src/core/membership/introduction.js';
import { newOpening } from '../../src/core/membership/introduction.js';
import type { Membership, PeerMemory } from '../../src/core/membership/state.js';
import type { Rank } from '../../src/core/rank.js';
import { ranksBut } from '../../src/core/rank.js';
import type { RegisterState } from '../../src/core/register/state.js';
import type { Self } from '../../src/core/register/step.js';
import type { MissedLog } from '../../src/core/repair/missedLog.js';
import type { SectorIndex } from '../../src/core/sector.js';
import type { Connection } from '../../src/ports/connection.js';
import type { Sendable } from '../writeTogether.js';
import { BadTags } from './badTags.js';
import { Disavowals } from './membership/disavowals.js';
import type { RepairProgress } from './repair/repairProgress.js';
import { newRepairProgress } from './repair/repairProgress.js';
import type { Session } from './session.js';
import type { Exchange } from './repair/exchange.js';

/** What a process knows of another one. */
export interface PeerState {
  readonly rank: Rank;
  readonly outbox: Outbox<Sendable>;
  /** What the process at the other end of that connection understands. */
  readonly negotiation: LinkNegotiation;
  /** Whether it has shown who it is. */
  readonly opening: Opening;
  /** Whether the connection that this process dials stands. */
  isConnected: boolean;
  /** When a message of its came last, by the clock; 0: never. */
  lastReceivedMs: number;
}

/**
 * Everything that a running process has in memory for others: made outside of the pipeline, so that it can be looked
 * at. Each part belongs to the operator that fills it.
 */
export interface ProcessState {
  readonly ledger: Ledger<Session>;
  readonly registers: Map<SectorIndex, RegisterState>;
  readonly sessions: Set<Session>;
  readonly peers: readonly PeerState[];
  readonly membership: MembershipView;
  readonly differences: Differences;
  readonly disavowals: Disavowals;
  /** Its own questions to peers, and to its registers. */
  readonly exchange: Exchange;
  readonly missed: MissedLog;
  readonly repair: RepairProgress;
  readonly counters: ProcessCounters;
  readonly badTags: BadTags;
  /** Whose other side is a process: dialled by this one, or shown to be one by what came. */
  readonly peerConnections: WeakSet<Connection>;
}

/** In what each peer differs from this process, as it has said last; empty: in nothing. */
export interface Differences {
  /** By what it said over its own connection. */
  readonly heard: Map<Rank, readonly Difference[]>;
  /** By what it answered over the one that this process dialled. */
  readonly answered: Map<Rank, readonly Difference[]>;
}

/** Who this process and the others are. */
export interface MembershipView {
  readonly current: Membership;
  /** What this process acts by: it is a member only once that is durable. */
  memberState: MemberState;
  /** A member that does vote. */
  readonly isVoting: boolean;
  /** What is durable of `current.remembered`. */
  readonly durable: Map<Rank, PeerMemory>;
}

/** How much of everything there is: 0 everywhere in a process that has nothing to do. */
export interface ProcessStats {
  /** Operations of clients under way. */
  readonly operations: number;
  /** Registers that have an operation. */
  readonly registers: number;
  /** Connections, and the process messages that came by them and are being handled. */
  readonly sessions: number;
  readonly messages: number;
  readonly peers: readonly {
    readonly rank: Rank;
    readonly isConnected: boolean;
    /** What it is outbox: see src/core/link/outbox.ts. */
    readonly questions: number;
    readonly replies: number;
    readonly unsent: number;
  }[];
  /** Questions of the repairs without an answer. */
  readonly repairs: number;
  /** Sectors that this process knows others to have missed. */
  readonly missed: number;
  readonly memberState: MemberState;
}

export interface ProcessStateOptions extends Pick<ProcessState, 'membership' | 'exchange' | 'missed' | 'counters'> {
  readonly self: Pick<Self, 'rank' | 'processCount'>;
  readonly limits: LedgerLimits;
  readonly link: OutboxLimits & { readonly features: number };
  readonly clock: Pick<SchedulerLike, 'now'>;
}

export function newProcessState(options: ProcessStateOptions): ProcessState {
  const { self, limits, link, clock, membership, exchange, missed, counters } = options;
  const peers = ranksBut(self.rank, self.processCount).map((rank): PeerState => {
    const negotiation = newNegotiation(link.features);
    const opening = newOpening();
    return {
      rank,
      outbox: newOutbox(link),
      negotiation,
      opening,
      isConnected: false,
      lastReceivedMs: 0,
    };
  });
  return {
    ledger: emptyLedger(limits),
    registers: new Map(),
    sessions: new Set(),
    peers,
    membership,
    differences: { heard: new Map(), answered: new Map() },
    disavowals: new Disavowals(),
    exchange,
    missed,
    repair: newRepairProgress(),
    counters,
    badTags: new BadTags(clock),
    peerConnections: new WeakSet(),
  };
}

export function statsOf(state: ProcessState): ProcessStats {
  const { ledger, registers, sessions, peers, missed, exchange, membership } = state;
  let messages = 0;
  for (const { handlingCount } of sessions) messages += handlingCount;
  let missedCount = 0;
  for (const peer of missed.peers.values()) {
    missedCount += peer.missed.count + peer.young.size + peer.old.size;
  }
  return {
    operations: ledger.entries.size,
    registers: registers.size,
    sessions: sessions.size,
    messages,
    peers: peers.map(({ rank, isConnected, outbox }) => ({
      rank,
      isConnected,
      questions: outbox.questions.size,
      replies: outbox.replies.size,
      unsent: outbox.unsent.size,
    })),
    repairs: exchange.pendingCount,
    missed: missedCount,
    memberState: membership.memberState,
  };
}
