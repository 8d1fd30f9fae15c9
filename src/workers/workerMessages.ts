/** What the main thread of a process and its workers send each other. */
import type { Inquiry } from '../core/membership/memberMessage.js';
import { AtomicDiskError, describeError, type ErrorCode } from '../errors.js';
import type { LogFields } from '../ports/log.js';
import type { StatusReport } from '../../streams/pipelines/status/statusReport.js';
import type { ThreadBatch } from './threadBatch.js';

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
  /** Its store is open, and has so many sectors. */
  | { readonly kind: 'ready'; readonly sectors: number }
  /** It has written all that it will. */
  | { readonly kind: 'finished' }
  /** … and its store is closed. */
  | { readonly kind: 'closed' }
  | WorkerFailure;

export interface WorkerFailure {
  readonly kind: 'failed';
  /** null: not an error that anybody foresaw. */
  readonly code: ErrorCode | null;
  readonly message: string;
  readonly stack: string | undefined;
}

/** The memory that goes to the other thread with the message: the sender must not use it any more. */
export function memoryOf(message: ToWorker | FromWorker): ArrayBuffer[] {
  return message.kind === 'batch' ? [message.batch.memory] : [];
}

export function failureOf(error: unknown): WorkerFailure {
  const code = error instanceof AtomicDiskError ? error.code : null;
  const stack = error instanceof Error ? error.stack : undefined;
  return { kind: 'failed', code, message: describeError(error), stack };
}

export function errorOf({ code, message, stack }: WorkerFailure): Error {
  if (code !== null) return new AtomicDiskError(code, message);
  const error = new Error(message);
  if (stack !== undefined) error.stack = stack;
  return error;
}
