import type { OperationId } from '../core/operation.js';

/** The only source of randomness, so that a simulation can replay it. */
export interface Random {
  /** A new operation id, which no process has used before. */
  operationId(): OperationId;
  /** A number in [0, 1), for jitter. */
  fraction(): number;
}
