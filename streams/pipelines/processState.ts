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

/** The state that a process keeps of each peer. */
export interface PeerState {
  readonly rank: Rank;
  readonly outbox: Outbox<Sendable>;
  /** The negotiation of the extension for the connection that this process dials. */
  readonly negotiation: LinkNegotiation;
  /** The state of the introduction over that connection. */
  readonly opening: Opening;
  /** Whether the connection that this process dials is open. */
  isConnected: boolean;
  /** When its last message came, in milliseconds of the clock; 0: never. */
  lastReceivedMs: number;
}

/**
 * Everything that a running process has in memory. It is made outside of the pipeline, so that tests and the status
 * report can look at it. Each part belongs to the operator that fills it.
 */
export interface ProcessState {
  readonly ledger: Ledger<Session>;
  readonly registers: Map<SectorIndex, RegisterState>;
  readonly sessions: Set<Session>;
  readonly peers: readonly PeerState[];
  readonly membership: MembershipView;
  readonly differences: Differences;
  readonly disavowals: Disavowals;
  /** Questions that the process asks on its own behalf, of peers and of its registers. */
  readonly exchange: Exchange;
  readonly missed: MissedLog;
  readonly repair: RepairProgress;
  readonly counters: ProcessCounters;
  readonly badTags: BadTags;
  /**
   * Connections whose other side is a process: dialled by this one, or one that has sent a right tag of the system key.
   */
  readonly peerConnections: WeakSet<Connection>;
}

/**
 * How the configuration of each peer differs from that of this process, by its last HELLO. An empty list: it does not.
 */
export interface Differences {
  /** By the HELLO over the connection that the peer dialled. */
  readonly heard: Map<Rank, readonly Difference[]>;
  /** By the HELLO that answered over the connection that this process dialled. */
  readonly answered: Map<Rank, readonly Difference[]>;
}

/** The identities of this process and its peers. */
export interface MembershipView {
  readonly current: Membership;
  /** The member state that this process acts by: it is a member only once that is durable. */
  memberState: MemberState;
  /** Whether this process is a member, and has no objection to voting. */
  readonly isVoting: boolean;
  /** The part of `current.remembered` that is durable. */
  readonly durable: Map<Rank, PeerMemory>;
}

/** Sizes of what is in memory. All are 0 in a process that has nothing to do. */
export interface ProcessStats {
  /** Operations of clients under way. */
  readonly operations: number;
  /** Registers that have an operation under way. */
  readonly registers: number;
  /** Connections, and the process messages that came by them and are being handled. */
  readonly sessions: number;
  readonly messages: number;
  readonly peers: readonly {
    readonly rank: Rank;
    readonly isConnected: boolean;
    /** Sizes of its outbox: see src/core/link/outbox.ts. */
    readonly questions: number;
    readonly replies: number;
    readonly unsent: number;
  }[];
  /** Unanswered questions of the repairs. */
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
