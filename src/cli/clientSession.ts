/** The common part of the client commands: options, a connected client that is closed at the end, warnings. */
import { basename, relative } from 'node:path';
import type { Command } from 'commander';
import { defer, filter, firstValueFrom, map, race, tap } from 'rxjs';
import { UNCONFIRMED_MS } from '../../config/limits.js';
import type { ClusterConfig } from '../../config/load.js';
import type { AtomicDiskClient, ConnectOptions } from '../client/client.js';
import { openClient } from '../client/client.js';
import type { Rank } from '../core/rank.js';
import { AtomicDiskError, troubleOf } from '../errors.js';
import type { Log, LogFields } from '../ports/log.js';
import { monotonicClock } from '../shell/monotonicClock.js';
import { currentFolder } from '../surroundings.js';
import type { Trouble } from '../client/majorityWatch.js';
import { watchMajority } from '../client/majorityWatch.js';
import { configOption, loadClientConfig } from './options.js';

export interface ClientSession {
  readonly client: AtomicDiskClient;
  readonly config: ClusterConfig;
  /** Calls `show` with the reason when operations stand still, and with null when they go on. */
  readonly onStandstill: (show: (why: string | null) => void) => void;
}

/** Options of every client command: see `addClientOptions`. */
export interface ClientCommandOptions {
  /** Milliseconds. */
  readonly timeout?: number;
}

/**
 * Runs `use` with a client, and closes that client in any case. While operations stand still, it shows why.
 * @throws {AtomicDiskError} ATDD_AUTH_FAILURE if a majority of the processes has another client key
 */
export async function withClient<T>(
  command: Command,
  changes: Partial<ConnectOptions>,
  use: (session: ClientSession) => Promise<T>,
): Promise<T> {
  const config = await loadClientConfig(command);
  const { timeout } = command.opts<ClientCommandOptions>();
  const log = stderrLog(process.stderr);
  const client = openClient({ ...connectOptions(config, timeout), log, ...changes });
  const { counted, underWay } = countCalls(client);
  let show: (why: string | null) => void = () => undefined;
  const hint = timeout === undefined ? '; --timeout gives up' : '';
  const failed$ = watchMajority({
    ranks: config.processes.map((_, index) => index + 1),
    isWaiting: () => underWay() > 0,
    answers: () => client.counters.answers,
    ask: (rank) => troubleWith(client, rank),
    scheduler: monotonicClock,
  }).pipe(
    tap((news) => {
      if (news.kind === 'standstill') log.warn(`${news.text}${hint}`);
      show(news.kind === 'moves' ? null : news.text);
    }),
    filter((news) => news.kind === 'wrongKey'),
    map(({ text }): never => {
      throw new AtomicDiskError('ATDD_AUTH_FAILURE', text);
    }),
  );
  const session: ClientSession = {
    client: counted,
    config,
    onStandstill: (next) => {
      show = next;
    },
  };
  try {
    return await firstValueFrom(
      race(
        defer(() => use(session)),
        failed$,
      ),
    );
  } finally {
    await client.close();
  }
}

/** The client, and how many calls of it are under way. */
function countCalls(client: AtomicDiskClient) {
  let count = 0;
  const counting =
    <Args extends unknown[], Result>(call: (...args: Args) => Promise<Result>) =>
    async (...args: Args): Promise<Result> => {
      count += 1;
      try {
        return await call(...args);
      } finally {
        count -= 1;
      }
    };
  const counted: AtomicDiskClient = Object.assign(Object.create(client) as AtomicDiskClient, {
    readSector: counting((index: number) => client.readSector(index)),
    writeSector: counting((index: number, data: Uint8Array) => client.writeSector(index, data)),
    read: counting((offset: number | bigint, length: number) => client.read(offset, length)),
    write: counting((offset: number | bigint, data: Uint8Array) => client.write(offset, data)),
  });
  return { counted, underWay: () => count };
}

/** How long a process may take to answer a ping (milliseconds). */
const ASK_MS = 1_000;

async function troubleWith(client: AtomicDiskClient, rank: Rank): Promise<Trouble> {
  try {
    await client.ping(rank, ASK_MS);
    return null;
  } catch (error) {
    return troubleOf(error);
  }
}

/** The options of the client library for a configuration. */
export function connectOptions(config: ClusterConfig, operationMs: number | undefined): ConnectOptions {
  return {
    processes: config.processes,
    clientKey: config.clientKey,
    sectors: config.sectors,
    timeouts: {
      unconfirmedMs: UNCONFIRMED_MS,
      ...(operationMs !== undefined && { operationMs }),
    },
  };
}

/** A log that writes warnings and errors to standard error. Other lines are not for people at a terminal. */
export function stderrLog(stream: NodeJS.WritableStream & { readonly isTTY?: boolean }): Log {
  // There may be a progress bar on the line.
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

/** The words with which this program was called, for commands that it tells people to type. */
export function programName(script: string = process.argv[1], cwd = currentFolder()): string {
  if (basename(script) === 'atdd') return 'atdd';
  return `node ${quote(cwd === null ? script : relative(cwd, script))}`;
}

/** The option `--config` for a command that people are told to type: as it was given, or empty. */
export function configWords(command: Command): string {
  const file = configOption(command);
  return file === null ? '' : ` --config ${quote(file)}`;
}

/** The word, quoted for a shell if that is needed. */
export function quote(word: string): string {
  return /^[\w./:@%+=,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
