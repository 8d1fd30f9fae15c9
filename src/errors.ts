/** Every error that a user or a program may meet carries a code. Texts may change, codes may not. */
export type ErrorCode =
  | 'ATDD_CONFIG_INVALID'
  | 'ATDD_USAGE'
  | 'ATDD_LISTEN_FAILED'
  | 'ATDD_STORE_BUSY'
  | 'ATDD_STORE_FOREIGN'
  | 'ATDD_STORE_FORMAT'
  | 'ATDD_STORE_CORRUPT'
  | 'ATDD_STORE_FAILED'
  | 'ATDD_STORE_FULL'
  | 'ATDD_CLIENT_CLOSED'
  | 'ATDD_AUTH_FAILURE'
  | 'ATDD_INVALID_SECTOR_INDEX'
  | 'ATDD_RANGE'
  | 'ATDD_TIMEOUT'
  | 'ATDD_OUTCOME_UNKNOWN'
  | 'ATDD_COUNTERS_USED_UP'
  | 'ATDD_FILE_FAILED'
  | 'ATDD_VERIFY_MISMATCH';

export class AtomicDiskError extends Error {
  override readonly name = 'AtomicDiskError';

  constructor(
    readonly code: ErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/**
 * Any error in words. One that is several (a name with two addresses, neither of which takes a connection) has no text
 * of its own in Node: all of them are told, what is the same once.
 */
export function describeError(error: unknown): string {
  if (error instanceof AggregateError) {
    const texts = error.errors.map(describeError);
    const parts = texts.length === 0 ? [error.message] : [...new Set(texts)];
    return parts.filter((text) => text !== '').join('; ') || 'an error without a text';
  }
  const text = error instanceof Error ? error.message : String(error);
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return text || code || 'an error without a text';
}

/** Why an operation failed, in words. @throws any other error: it is a fault of this program. */
export function troubleOf(error: unknown): string {
  if (!(error instanceof AtomicDiskError)) throw error;
  return typeof error.cause === 'string' ? error.cause : error.message;
}
