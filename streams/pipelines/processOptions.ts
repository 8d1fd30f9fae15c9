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
import type { RepairLimits } from './repair/repairOptions.js';
import type { SessionLimits } from './session.js';

export interface ProcessPipelineOptions {
  readonly self: Pick<Self, 'rank' | 'processCount'>;
  /** Tells this boot of the process from its others: hexadecimal. */
  readonly bootId: string;
  readonly membership: MembershipState;
  /** Whether peers that understand it are spoken to by the extension. */
  readonly isExtended: boolean;
  readonly bootNumber: BootNumber;
  /** A peer that is asked for a value that others have too may take so long. */
  readonly fetchMs: number;
  readonly repair: RepairLimits;
  /** How long a process whose disk is new waits for the others to say who they are. */
  readonly graceMs: number;
  readonly verdict: VerdictOptions;
  readonly state: ProcessState;
  /** Whether client operations are begun; false once the process is shutting down. */
  readonly isAdmitting: () => boolean;
  readonly stripes: number;
  readonly session: SessionLimits;
  readonly badTagPenaltyMs: number;
  readonly linkBufferBytes: number;
  /** Most replies on record for one peer. */
  readonly linkReplies: number;
  /** A peer that answers nothing for so long, although it is asked, is dialled anew. */
  readonly linkSilentMs: number;
  readonly reconnectMs: number;
  readonly reconnectMsMax: number;
  /** A step of ours for which there was no room on the disk is tried again after this. */
  readonly fullRetryMs: number;
}

export interface ProcessPorts {
  readonly transport: Transport;
  readonly store: SectorStore;
  readonly notes: Notes;
  readonly schedulers: Schedulers;
  readonly random: Random;
}
