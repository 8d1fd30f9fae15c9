import type { CoordinatorId } from '../core/strict/version.js';
import type { Random } from '../ports/random.js';
import type { Schedulers } from '../ports/schedulers.js';
import type { CoordinatorLimits } from './coordinatorLimits.js';
import type { ReplicaPort } from './replicaPort.js';

export interface CoordinatorOptions {
  /** Drawn at random, and used by no other coordinator ever. */
  readonly id: CoordinatorId;
  readonly processCount: number;
  /** Size of the disk in sectors, if known: operations outside it are refused. */
  readonly sectors?: number;
  /** One for each replica. */
  readonly ports: readonly ReplicaPort[];
  readonly schedulers: Schedulers;
  readonly random: Pick<Random, 'fraction'>;
  readonly limits: CoordinatorLimits;
  /** An operation that is not over by then fails with ATDD_TIMEOUT (milliseconds). Absent: it waits. */
  readonly operationMs?: number;
}
