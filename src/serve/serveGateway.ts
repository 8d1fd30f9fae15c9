/**
 * Puts the NBD gateway together from its real parts, and ends it in good order: signals, exit codes and the life of the
 * program are decided here; what it does, in startGateway.
 */
import { isAbsolute, resolve } from 'node:path';
import type { Observable, Subscription } from 'rxjs';
import { EMPTY, ReplaySubject, catchError, concat, filter, firstValueFrom } from 'rxjs';
import { ignoreElements, lastValueFrom, map, merge, of, retry, share, tap } from 'rxjs';
import { describeAddress, isLoopback, parseAddress } from '../../config/address.js';
import * as limits from '../../config/limits.js';
import type { ClusterConfig } from '../../config/load.js';
import { loadClusterConfig } from '../../config/load.js';
import type { NbdConfig } from '../../config/nbdConfig.js';
import { defaultNbdConfig } from '../../config/nbdConfig.js';
import { openDisk } from '../client/connect.js';
import type { DiskClient } from '../client/diskClient.js';
import type { Rank } from '../core/rank.js';
import { AtomicDiskError, describeError, troubleOf } from '../errors.js';
import { TRANSMISSION_FLAG, flagNames } from '../nbd/constants.js';
import { transmissionFlagsOf } from '../nbd/nbdExport.js';
import type { Log, LogFields } from '../ports/log.js';
import type { ListenAddress } from '../shell/bindSocket.js';
import { bindSocket } from '../shell/bindSocket.js';
import { endOnLostDefects } from '../shell/lostErrors.js';
import type { TcpServer } from '../shell/tcpServer.js';
import { tcpServer } from '../shell/tcpServer.js';
import { monotonicClock } from '../shell/monotonicClock.js';
import { turnScheduler } from '../shell/turnScheduler.js';
import { removeStaleSocket } from '../shell/unixSocket.js';
import { winstonLog } from '../shell/winstonLog.js';
import type { Gateway } from '../startGateway.js';
import { startGateway } from '../startGateway.js';
import { currentFolder } from '../surroundings.js';
import type { NbdObserver } from '../../streams/pipelines/gateway/nbd.js';
import { refusalLog } from './refusalLog.js';
import { endSignal$, reloadOnHangup } from './hangup.js';
import { ignoreOutputErrors } from './ignoreOutputErrors.js';
import { watchMajority } from '../client/majorityWatch.js';
import type { StopRequest } from './stopRequests.js';
import { stopRequests } from './stopRequests.js';

/** As the command line says. */
export interface GatewayCommandOptions {
  readonly listen?: string;
  readonly socket?: string;
}

type Ending =
  { readonly kind: 'stopped' } | { readonly kind: StopRequest } | { readonly kind: 'failed'; readonly error: unknown };

const EXIT_STOPPED = 0;
const EXIT_FAILED = 1;

/**
 * Serves until a signal or a failure ends it.
 * @returns the exit code.
 * @throws {AtomicDiskError} ATDD_USAGE, ATDD_LISTEN_FAILED
 */
export async function serveGateway(config: ClusterConfig, options: GatewayCommandOptions): Promise<number> {
  endOnLostDefects();
  const nbd = nbdConfig(config, options);
  // Whoever read the log may go away; that does not end a disk.
  ignoreOutputErrors();
  const isPrefixed = process.env['ATDD_SUPERVISED'] === '1';
  const log = winstonLog({ ...config.log, fields: { gateway: 'nbd' }, isPrefixed });
  const load = (file: string): ClusterConfig => loadClusterConfig({ file });
  reloadOnHangup({ config, load, setLevel: log.setLevel, log });
  const request$ = stopSignals(config);
  const servers = await Promise.all(addressesOf(nbd).map((address) => listen(address, nbd.connections, log)));
  const disk = openDisk({
    processes: config.processes,
    clientKey: config.clientKey,
    sectors: config.sectors,
    outstandingPerConnection: limits.NBD_OUTSTANDING_PER_CONNECTION,
    togetherMax: limits.NBD_TOGETHER_MAX,
    timeouts: {
      unconfirmedMs: limits.UNCONFIRMED_MS,
      ...(nbd.waitMs !== null && { operationMs: nbd.waitMs }),
    },
    log,
  });
  const gateway = startGateway(
    {
      exports: nbd.exports,
      disk,
      limits: limits.NBD_LIMITS,
      lingerMs: limits.NBD_LIMITS.lingerMs,
      observer: observerOf(log, servers),
    },
    {
      connections$: merge(...servers.map(({ connections$ }) => connections$)),
      schedulers: { clock: monotonicClock, turn: turnScheduler },
    },
  );
  if (!isLoopback(nbd.listen.host)) {
    const listen = describeAddress(nbd.listen);
    log.warn('NBD has no passwords: whoever reaches this address can use the disk', { listen });
  }
  const where = { listen: describeAddress(nbd.listen), socket: nbd.socket ?? undefined };
  log.info('listening', where);
  const telling = tellOfMajority(config, { disk, log, where });
  const ending = await untilEnd(gateway, request$, servers, log);
  telling.unsubscribe();
  await Promise.race([
    lastValueFrom(disk.close(), { defaultValue: null }),
    firstValueFrom(request$.pipe(filter((request) => request === 'kill'))),
  ]);
  return report(ending, log);
}

interface MajorityParts {
  readonly disk: DiskClient;
  readonly log: Log;
  /** Where the gateway listens. */
  readonly where: LogFields;
}

/** Says `ready` once a majority has answered, and what it waits for until then, and later. */
function tellOfMajority({ processes }: ClusterConfig, parts: MajorityParts): Subscription {
  const { disk, log, where } = parts;
  const ask = (rank: Rank): Promise<string | null> =>
    firstValueFrom(
      disk.ping(rank, ASK_MS).pipe(
        map(() => null),
        catchError((error: unknown) => of(troubleOf(error))),
      ),
    );
  const news$ = watchMajority({
    ranks: processes.map((_, index) => index + 1),
    isWaiting: () => disk.operationCount > 0,
    answers: () => disk.counters.answers,
    ask,
    scheduler: monotonicClock,
  }).pipe(
    tap((news) => {
      if (news.kind === 'moves') log.info('a majority answers again');
      else log.warn(news.text);
    }),
    ignoreElements(),
  );
  // Times out now and then if requests may.
  const first$ = disk.read(0).pipe(
    retry({ delay: (error: unknown) => (isTimeout(error) ? of(null) : EMPTY) }),
    tap(() => {
      log.info('ready', where);
    }),
    ignoreElements(),
  );
  return merge(news$, first$).subscribe();
}

/** How long a process may take to say that it is there. */
const ASK_MS = 1_000;

function isTimeout(error: unknown): boolean {
  return error instanceof AtomicDiskError && error.code === 'ATDD_TIMEOUT';
}

async function untilEnd(
  gateway: Gateway,
  request$: Observable<StopRequest>,
  servers: readonly TcpServer[],
  log: Log,
): Promise<Ending> {
  const stopped: Ending = { kind: 'stopped' };
  const done$ = concat(gateway.done$, of(stopped)).pipe(
    catchError((error: unknown) => of<Ending>({ kind: 'failed', error })),
  );
  const ending = await firstValueFrom(merge(request$.pipe(map((kind) => ({ kind }))), done$));
  if (ending.kind !== 'terminate') return ending;
  log.info('stopping');
  for (const server of servers) server.stopListening();
  gateway.stop();
  const killed$ = request$.pipe(
    filter((request) => request === 'kill'),
    map((kind): Ending => ({ kind })),
  );
  return firstValueFrom(merge(done$, killed$));
}

/** Says why the gateway ends. @returns the exit code. */
function report(ending: Ending, log: Log): number {
  switch (ending.kind) {
    case 'stopped':
      log.info('stopped');
      return EXIT_STOPPED;
    case 'failed': {
      const { error } = ending;
      const stack = error instanceof Error ? error.stack : undefined;
      log.error('the gateway has to stop', { error: describeError(error), stack });
      return EXIT_FAILED;
    }
    case 'terminate':
    case 'kill':
      log.warn('stopped at once: requests were left unanswered');
      return EXIT_FAILED;
  }
}

/** The configuration, with what the command line says put over it. */
function nbdConfig(config: ClusterConfig, { listen, socket }: GatewayCommandOptions): NbdConfig {
  const configured = config.nbd ?? defaultNbdConfig(config.sectors);
  const address = listen === undefined ? configured.listen : parseAddress(listen);
  if (address === null) {
    throw new AtomicDiskError('ATDD_USAGE', `--listen: ${listen} is not an address (host:port)`);
  }
  return {
    ...configured,
    listen: address,
    socket: socket === undefined ? configured.socket : socketPath(socket),
  };
}

/** A shell has taken care of a "~" already. @throws {AtomicDiskError} ATDD_USAGE */
function socketPath(written: string): string {
  const folder = currentFolder();
  if (folder !== null || isAbsolute(written)) return resolve(folder ?? '/', written);
  const text = `--socket: ${written} is relative to a current folder that is gone`;
  throw new AtomicDiskError('ATDD_USAGE', text);
}

function addressesOf({ listen: address, ...nbd }: NbdConfig): ListenAddress[] {
  const access = { mode: nbd.socketMode, group: nbd.socketGroup };
  return nbd.socket === null ? [address] : [address, { path: nbd.socket, access }];
}

async function listen(address: ListenAddress, connections: number, log: Log): Promise<TcpServer> {
  if ('path' in address) await removeStaleSocket(address.path);
  const option = 'nbd.connections';
  const onRefused = refusalLog({ places: connections, option, log, clock: monotonicClock });
  return tcpServer(await bindSocket({ ...address, connections }), connections, onRefused);
}

/** The first signal asks to end in good order, the second one to end at once. */
function stopSignals({ timeouts }: ClusterConfig): Observable<StopRequest> {
  const request$ = stopRequests({
    signals$: endSignal$,
    patienceMs: timeouts.shutdownMs,
    scheduler: monotonicClock,
  }).pipe(share({ connector: () => new ReplaySubject(2), resetOnRefCountZero: false }));
  if (process.env['ATDD_SUPERVISED'] === '1') endWithSupervisor();
  request$.subscribe();
  return request$;
}

/** The channel to the supervisor breaks when that has ended, even by SIGKILL. */
function endWithSupervisor(): void {
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
  process.channel?.unref();
}

/** Refusals are the client's business, and so many as it likes: at debug level only. */
function observerOf(log: Log, servers: readonly TcpServer[]): NbdObserver {
  let failureCount = 0;
  let quietUntilMs = -Infinity;
  return {
    negotiated: (connection, { export: found, isStructured, hasAllocation }) => {
      for (const server of servers) server.trust(connection);
      const flags = flagNames(TRANSMISSION_FLAG, transmissionFlagsOf(found, isStructured));
      const fields = { remote: connection.remote, export: found.name, isStructured, hasAllocation };
      log.info('attached', { ...fields, flags });
    },
    ended: (connection, reason) => {
      log.info('detached', { remote: connection.remote, reason });
    },
    refused: (connection, { command, error, text }) => {
      if (!log.debugEnabled) return;
      log.debug('refused', { remote: connection.remote, command, error, text });
    },
    failed: (connection, { command }, error) => {
      failureCount += 1;
      const nowMs = monotonicClock.now();
      if (nowMs < quietUntilMs) return;
      quietUntilMs = nowMs + FAILURE_LOG_MS;
      const fields = { remote: connection.remote, command, error: error.message };
      log.warn('requests fail; this is one of them', { ...fields, failures: failureCount });
      failureCount = 0;
    },
  };
}

/** Without a majority every request fails, if waitMs is set: that is told so often only. */
const FAILURE_LOG_MS = 5_000;
