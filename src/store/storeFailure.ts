import { AtomicDiskError } from '../errors.js';

/** The error that ends the process: what the disk holds is unknown, so nothing may be answered. */
export function storeFailure(operation: string, cause: unknown): AtomicDiskError {
  return new AtomicDiskError(
    'ATDD_STORE_FAILED',
    `${operation} failed: ${messageOf(cause)}. What the disk holds is unknown now, ` +
      'so the process has to stop; a restart reads the disk again.',
    { cause },
  );
}

export function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
