export type LogFields = Readonly<Record<string, unknown>>;

/**
 * Structured log. Nothing is logged per operation at `info` and above. Logging for each message is guarded by
 * `debugEnabled`, because building the fields costs more than dropping them.
 */
export interface Log {
  readonly debugEnabled: boolean;
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}
