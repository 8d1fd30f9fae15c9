import type { Self } from '../../src/core/register/step.js';
import type { Transport } from '../../src/ports/connection.js';
import type { Notes } from '../../src/ports/notes.js';
import type { Random } from '../../src/ports/random.js';
import type { Schedulers } from '../../src/ports/schedulers.js';
import type { SectorStore } from '../../src/ports/store.js';
import type { VerdictOptions } from '../../src/wire/verdict.js';
import type { MembershipState } from './membership/membershipState.js';
import type { BootNumber } from './membership/bootNumber.js';
import type { ProcessState } from './processState.js';
import type { StrictPart } from './replica/strictPart.js';
import type { RepairLimits } from './repair/repairOptions.js';
import type { SessionLimits } from './session.js';
import type { LedgerLimits } from '../../src/core/ledger.js';

/** See config/limits.ts for each, and docs/limits.md for what happens at it. */
export interface ProcessLimits extends LedgerLimits, SessionLimits {
  readonly linkBufferBytes: number;
  readonly linkReplies: number;
  readonly stripes: number;
  readonly missedChunks: number;
}

/** In milliseconds. See config/limits.ts for each. */
export interface ProcessTimeouts {
  readonly retransmitMs: number;
  readonly retransmitMsMax: number;
  readonly reconnectMs: number;
  readonly reconnectMsMax: number;
  readonly badTagPenaltyMs: number;
  readonly fullRetryMs: number;
  readonly linkSilentMs: number;
  readonly graceMs: number;
  readonly fetchMs: number;
}

export interface ProcessPipelineOptions {
  readonly self: Pick<Self, 'rank' | 'processCount'>;
  /** The random id of this boot of the process, in hexadecimal. */
  readonly bootId: string;
  readonly membership: MembershipState;
  /** Whether the extension is used with peers that understand it. */
  readonly isExtended: boolean;
  readonly bootNumber: BootNumber;
  readonly verdict: VerdictOptions;
  readonly state: ProcessState;
  /** Whether operations of clients are begun; false once the process is shutting down. */
  readonly isAdmitting: () => boolean;
  /** null: this process is of the open mode. */
  readonly strict: StrictPart | null;
  readonly repair: RepairLimits;
  readonly limits: ProcessLimits;
  readonly timeouts: ProcessTimeouts;
}

export interface ProcessPorts {
  readonly transport: Transport;
  readonly store: SectorStore;
  readonly notes: Notes;
  readonly schedulers: Schedulers;
  readonly random: Random;
}
