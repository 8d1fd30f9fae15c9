/** The log port on winston: JSON for programs, coloured lines for people; standard output. */
import { createLogger, format, transports } from 'winston';
import type { Log, LogFields } from '../ports/log.js';

export type LogLevel = 'error' | 'warn' | 'info' | 'debug';
export type LogFormat = 'auto' | 'json' | 'pretty';

export interface WinstonLogOptions {
  readonly level: LogLevel;
  /** `auto`: pretty on a terminal, else JSON. */
  readonly format: LogFormat;
  /** Fields of every line. */
  readonly fields: LogFields;
  /** Whether `fields` are left out of pretty lines, because the program that shows them says the same. */
  readonly isPrefixed?: boolean;
}

/** A log whose level can be changed while it is in use. */
export interface LeveledLog extends Log {
  readonly setLevel: (level: LogLevel) => void;
}

export function winstonLog(options: WinstonLogOptions): LeveledLog {
  const isPretty = options.format === 'pretty' || (options.format === 'auto' && process.stdout.isTTY);
  const logger = createLogger({
    level: options.level,
    defaultMeta: options.fields,
    format: isPretty
      ? prettyFormat(options.isPrefixed === true ? options.fields : {})
      : format.combine(format.timestamp(), format.json()),
    // eslint-disable-next-line @typescript-eslint/no-unsafe-class-instance-assignment
    transports: [new transports.Console()],
  });
  return {
    // winston formats a line before it looks at its level: callers on hot paths ask first.
    get debugEnabled() {
      return logger.level === 'debug';
    },
    setLevel: (level) => {
      logger.level = level;
    },
    debug: (message, fields) => logger.debug(message, fields),
    info: (message, fields) => logger.info(message, fields),
    warn: (message, fields) => logger.warn(message, fields),
    error: (message, fields) => logger.error(message, fields),
  };
}

function prettyFormat(known: LogFields) {
  const line = format.printf(({ timestamp, level, message, ...rest }) => {
    const told = Object.entries(rest).filter(([name]) => !(name in known));
    const fields = told.map(([name, value]) => `${name}=${textOf(value)}`);
    return [String(timestamp), level, String(message), ...fields].join(' ');
  });
  const isColoured = process.env.NO_COLOR === undefined && process.stdout.isTTY;
  return format.combine(format.timestamp({ format: 'HH:mm:ss.SSS' }), ...(isColoured ? [format.colorize()] : []), line);
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
