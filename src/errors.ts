/**
 * Every error that a user or a program may meet carries a code. Texts may change, codes may not.
 */
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
