/** What the main thread of a process and its workers send each other. */
import type { ProcessConfig } from '../../config/load.js';
import type { Inquiry } from '../core/membership/memberMessage.js';
import type { Shard } from '../core/shard.js';
import type { ErrorCode } from '../errors.js';
import type { LogFields } from '../ports/log.js';
import type { ThreadBatch } from '../workers/threadBatch.js';
import type { StatusReport } from '../../streams/pipelines/status/statusReport.js';
import type { StartState } from './startOptions.js';

/** What a worker is given when it starts. */
export interface WorkerStart {
  readonly config: ProcessConfig;
  readonly shard: Shard;
  readonly state: StartState;
}

export type ToWorker =
  | { readonly kind: 'batch'; readonly batch: ThreadBatch }
  /** Answered with a report of the same number. */
  | { readonly kind: 'inquire'; readonly number: number; readonly inquiry: Inquiry }
  | { readonly kind: 'debug'; readonly isEnabled: boolean }
  /** End in good order. */
  | { readonly kind: 'close' };

export type FromWorker =
  | { readonly kind: 'batch'; readonly batch: ThreadBatch }
  | { readonly kind: 'report'; readonly number: number; readonly report: StatusReport }
  | {
      readonly kind: 'log';
      readonly level: 'debug' | 'info' | 'warn' | 'error';
      readonly message: string;
      readonly fields: LogFields;
    }
  /** Its store is open, and holds so many sectors. */
  | { readonly kind: 'ready'; readonly sectors: number }
  /** It has written its last bytes. */
  | { readonly kind: 'finished' }
  /** … and its store is closed. */
  | { readonly kind: 'closed' }
  | ({ readonly kind: 'failed' } & WorkerFailure);

export interface WorkerFailure {
  /** null: an unexpected error. */
  readonly code: ErrorCode | null;
  readonly message: string;
  readonly stack: string | undefined;
}
