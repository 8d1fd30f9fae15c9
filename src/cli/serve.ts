/**
 * Puts a process together from its real parts, and ends it in good order: signals, exit codes and
 * the life of the process are decided here; what it does, in startProcess.
 */
import { readFileSync } from 'node:fs';
import type { Observable } from 'rxjs';
import { ReplaySubject, asyncScheduler, catchError, filter, firstValueFrom, fromEvent } from 'rxjs';
import { lastValueFrom, map, merge, of, share } from 'rxjs';
import * as limits from '../../config/limits.js';
import type { ProcessConfig } from '../../config/load.js';
import type { Transport } from '../ports/connection.js';
import type { Log } from '../ports/log.js';
import type { Schedulers } from '../ports/schedulers.js';
import type { BoundSocket } from '../shell/bindSocket.js';
import { openStore } from '../shell/openStore.js';
import { systemRandom } from '../shell/systemRandom.js';
import { dialTcp } from '../shell/tcpConnection.js';
import type { TcpServer } from '../shell/tcpServer.js';
import { tcpServer } from '../shell/tcpServer.js';
import { turnScheduler } from '../shell/turnScheduler.js';
import { winstonLog } from '../shell/winstonLog.js';
import type { ProcessOptions } from '../startProcess.js';
import { startProcess } from '../startProcess.js';
import { stopRequests } from './stopRequests.js';
import { programVersion } from './version.js';

const SCHEDULERS: Schedulers = { clock: asyncScheduler, turn: turnScheduler };

const EXIT_STOPPED = 0;
const EXIT_FAILED = 1;

/** What ends a process. */
type Ending =
  | { readonly kind: 'terminate' }
  | { readonly kind: 'kill' }
  | { readonly kind: 'failed'; readonly error: unknown }
  | { readonly kind: 'closed' };

/** Runs the process until a signal or a failure ends it. @returns the exit code. */
export async function serve(config: ProcessConfig, bound: BoundSocket): Promise<number> {
  const { rank, processes, storage, sectors } = config;
  const log = winstonLog({ ...config.log, fields: { rank } });
  for (const warning of config.warnings) log.warn(warning);
  const request$ = stopSignals(config);
  const server = tcpServer(bound, connectionPlaces(config, log));
  const store = await lastValueFrom(
    openStore({
      folder: storage,
      identity: { cluster: config.cluster, rank, processCount: processes.length, sectors },
      createdBy: programVersion(),
      batchSectors: limits.STORE_BATCH_SECTORS,
      schedulers: SCHEDULERS,
      log,
    }),
  );
  const running = startProcess(processOptions(config), {
    transport: transport(config, server),
    store,
    schedulers: SCHEDULERS,
    random: systemRandom(),
    log,
  });
  const { host, port } = processes[rank - 1];
  log.info('ready', { address: `${host}:${port}`, storage, sectors: store.figures().writtenCount });

  const failure$ = running.failure$.pipe(
    catchError((error: unknown) => of<Ending>({ kind: 'failed', error })),
  );
  let ending = await firstValueFrom(merge(request$, failure$));
  if (ending.kind === 'terminate') {
    log.info('stopping', { operations: running.operationCount() });
    server.stopListening();
    const killed$ = request$.pipe(filter((request) => request.kind === 'kill'));
    const closed = lastValueFrom(running.close(), { defaultValue: null })
      .then(() => {
        server.endAll();
      })
      .then(() => lastValueFrom(store.close(), { defaultValue: null }))
      .then((): Ending => ({ kind: 'closed' }));
    ending = await Promise.race([closed, firstValueFrom(merge(killed$, failure$))]);
  }
  return report(ending, log);
}

/** Says why the process ends. @returns the exit code. */
function report(ending: Ending, log: Log): number {
  switch (ending.kind) {
    case 'closed':
      log.info('stopped');
      return EXIT_STOPPED;
    case 'failed': {
      const { error } = ending;
      const stack = error instanceof Error ? error.stack : undefined;
      log.error('the process has to stop', { error: String(error), stack });
      return EXIT_FAILED;
    }
    case 'terminate':
    case 'kill':
      log.warn('stopped at once');
      return EXIT_FAILED;
  }
}

/** The first signal asks to end in good order, the second one to end at once. */
function stopSignals(config: ProcessConfig): Observable<Ending> {
  const signals = ['SIGTERM', 'SIGINT', 'SIGHUP'].map((name) => fromEvent(process, name));
  const request$ = stopRequests({
    signals$: merge(...signals),
    patienceMs: config.timeouts.shutdownMs + limits.SHUTDOWN_SLACK_MS,
    scheduler: asyncScheduler,
  }).pipe(
    map((kind): Ending => ({ kind })),
    share({ connector: () => new ReplaySubject(2), resetOnRefCountZero: false }),
  );
  // From now on a signal is noticed, also while the store is being opened.
  request$.subscribe();
  return request$;
}

/** As many as configured, but never more than the descriptors that the system gives. */
function connectionPlaces(config: ProcessConfig, log: Log): number {
  const descriptors = descriptorLimit();
  const dialled = config.processes.length - 1;
  const places = Math.max(1, descriptors - limits.DESCRIPTORS_RESERVED - dialled);
  if (places >= config.limits.connections) return config.limits.connections;
  log.info('fewer connections than configured: the system gives too few descriptors', {
    descriptors,
    connections: places,
  });
  return places;
}

/** The soft limit of open files; where the system does not tell, the usual 1024. */
function descriptorLimit(): number {
  try {
    const match = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'));
    return match === null ? 1_024 : Number(match[1]);
  } catch {
    return 1_024;
  }
}

function transport(config: ProcessConfig, server: TcpServer): Transport {
  return {
    connections$: server.connections$,
    dial: (rank) => {
      const { host, port } = config.processes[rank - 1];
      return dialTcp({ host, port, timeoutMs: config.timeouts.dialMs });
    },
    trust: (connection) => {
      server.trust(connection);
    },
  };
}

function processOptions(config: ProcessConfig): ProcessOptions {
  return {
    rank: config.rank,
    processCount: config.processes.length,
    sectors: config.sectors,
    clientKey: config.clientKey,
    systemKey: config.systemKey,
    limits: {
      operations: config.limits.operations,
      operationsPerConnection: config.limits.operationsPerConnection,
      processMessagesPerConnection: limits.PROCESS_MESSAGES_PER_CONNECTION,
      clientBufferBytes: limits.CLIENT_BUFFER_BYTES,
      linkBufferBytes: limits.LINK_BUFFER_BYTES,
      linkReplies: limits.LINK_REPLIES_WAITING,
      stripes: limits.STRIPES,
    },
    timeouts: {
      shutdownMs: config.timeouts.shutdownMs,
      retransmitMs: config.timeouts.retransmitMs,
      retransmitMsMax: config.timeouts.retransmitMsMax,
      reconnectMs: config.timeouts.reconnectMs,
      reconnectMsMax: config.timeouts.reconnectMsMax,
      badTagPenaltyMs: limits.BAD_TAG_PENALTY_MS,
      fullRetryMs: limits.FULL_RETRY_MS,
    },
  };
}
