import { AtomicDiskError, describeError } from '../errors.js';

/** The error that ends the process: what the disk holds is unknown, so nothing may be answered. */
export function storeFailure(operation: string, cause: unknown): AtomicDiskError {
  return new AtomicDiskError(
    'ATDD_STORE_FAILED',
    `${operation} failed: ${describeError(cause)}. What the disk holds is unknown now, ` +
      'so the process has to stop; a restart reads the disk again.',
    { cause },
  );
}
