/** What the client commands share: options, a connected client with its end, warnings. */
import { basename, relative } from 'node:path';
import type { Command } from 'commander';
import { UNCONFIRMED_MS } from '../../config/limits.js';
import type { ClusterConfig } from '../../config/load.js';
import type { AtomicDiskClient, ConnectOptions } from '../client/client.js';
import { connect } from '../client/client.js';
import type { Log, LogFields } from '../ports/log.js';
import { currentFolder } from '../surroundings.js';
import { configOption, loadClientConfig } from './options.js';

export interface ClientSession {
  readonly client: AtomicDiskClient;
  readonly config: ClusterConfig;
}

/** Options of every client command: see `addClientOptions`. */
export interface ClientCommandOptions {
  /** Milliseconds. */
  readonly timeout?: number;
}

/** Connects, runs `use`, and closes the client whatever came of it. */
export async function withClient<T>(
  command: Command,
  changes: Partial<ConnectOptions>,
  use: (session: ClientSession) => Promise<T>,
): Promise<T> {
  const config = await loadClientConfig(command);
  const { timeout } = command.opts<ClientCommandOptions>();
  const log = stderrLog(process.stderr);
  const client = await connect({ ...connectOptions(config, timeout), log, ...changes });
  try {
    return await use({ client, config });
  } finally {
    await client.close();
  }
}

/** What a configuration means to the client library. */
export function connectOptions(
  config: ClusterConfig,
  operationMs: number | undefined,
): ConnectOptions {
  return {
    processes: config.processes,
    clientKey: config.clientKey,
    sectors: config.sectors,
    timeouts: {
      unconfirmedMs: UNCONFIRMED_MS,
      ...(operationMs !== undefined && { operationMs, connectMs: operationMs }),
    },
  };
}

/** Warnings and errors on standard error; the rest is of no interest to someone at a terminal. */
export function stderrLog(stream: NodeJS.WritableStream & { readonly isTTY?: boolean }): Log {
  // A progress bar may stand on the line.
  const beginLine = stream.isTTY === true ? '\r\x1b[K' : '';
  const write = (level: string, message: string, fields: LogFields = {}): void => {
    const details = Object.entries(fields).map(([name, value]) => `${name} ${String(value)}`);
    const tail = details.length === 0 ? '' : ` (${details.join(', ')})`;
    stream.write(`${beginLine}atdd: ${level}: ${message}${tail}\n`);
  };
  return {
    debugEnabled: false,
    debug: () => undefined,
    info: () => undefined,
    warn: (message, fields) => {
      write('warning', message, fields);
    },
    error: (message, fields) => {
      write('error', message, fields);
    },
  };
}

/** How this program was called, for commands that it tells people to type. */
export function programName(script: string = process.argv[1], cwd = currentFolder()): string {
  if (basename(script) === 'atdd') return 'atdd';
  return `node ${quote(cwd === null ? script : relative(cwd, script))}`;
}

/** The `--config` of a command that is to be typed: the one that was given, if any was. */
export function configWords(command: Command): string {
  const file = configOption(command);
  return file === null ? '' : ` --config ${quote(file)}`;
}

/** A word for a shell. */
export function quote(word: string): string {
  return /^[\w./:@%+=,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
