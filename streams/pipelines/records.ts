import type { Ledger } from '../../src/core/ledger.js';
import { emptyLedger } from '../../src/core/ledger.js';
import type { LedgerLimits } from '../../src/core/ledger.js';
import type { Owed, OwedLimits } from '../../src/core/link/owed.js';
import { nothingOwed } from '../../src/core/link/owed.js';
import type { Rank } from '../../src/core/rank.js';
import type { RegisterState } from '../../src/core/register/state.js';
import type { Self } from '../../src/core/register/step.js';
import type { SectorIndex } from '../../src/core/sector.js';
import type { Session } from './session.js';

/** What a process knows of another one. */
export interface PeerRecord {
  readonly rank: Rank;
  readonly owed: Owed;
  /** Whether the connection that this process dials stands. */
  isConnected: boolean;
  /** When a message of its came last, by the clock; 0: never. */
  heardMs: number;
}

/**
 * Everything that a running process has in memory for others: made outside of the pipeline, so that
 * it can be looked at. Each part belongs to the operator that fills it.
 */
export interface ProcessRecords {
  readonly ledger: Ledger<Session>;
  readonly registers: Map<SectorIndex, RegisterState>;
  readonly sessions: Set<Session>;
  readonly peers: readonly PeerRecord[];
}

/** How much of everything there is: 0 everywhere in a process that has nothing to do. */
export interface ProcessFigures {
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
    /** What it is owed: see src/core/link/owed.ts. */
    readonly questions: number;
    readonly replies: number;
    readonly unsent: number;
  }[];
}

export function newRecords(self: Self, limits: LedgerLimits, link: OwedLimits): ProcessRecords {
  const peers: PeerRecord[] = [];
  for (let rank = 1; rank <= self.processCount; rank += 1) {
    if (rank === self.rank) continue;
    peers.push({ rank, owed: nothingOwed(link), isConnected: false, heardMs: 0 });
  }
  return { ledger: emptyLedger(limits), registers: new Map(), sessions: new Set(), peers };
}

export function figuresOf({ ledger, registers, sessions, peers }: ProcessRecords): ProcessFigures {
  let messages = 0;
  for (const { handling } of sessions) messages += handling.size;
  return {
    operations: ledger.entries.size,
    registers: registers.size,
    sessions: sessions.size,
    messages,
    peers: peers.map(({ rank, isConnected, owed }) => ({
      rank,
      isConnected,
      questions: owed.questions.size,
      replies: owed.replies.size,
      unsent: owed.unsent.size,
    })),
  };
}
