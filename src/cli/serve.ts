/**
 * Puts a process together from its real parts, and ends it in good order: signals, exit codes and
 * the life of the process are decided here; what it does, in startProcess.
 */
import { readFileSync } from 'node:fs';
import type { Observable } from 'rxjs';
import { ReplaySubject, catchError, endWith, filter, firstValueFrom } from 'rxjs';
import { fromEvent, lastValueFrom, map, merge, of } from 'rxjs';
import * as limits from '../../config/limits.js';
import type { ProcessConfig } from '../../config/load.js';
import type { ProcessCounters } from '../core/counters.js';
import { newCounters } from '../core/counters.js';
import type { Transport } from '../ports/connection.js';
import type { Log } from '../ports/log.js';
import type { Schedulers } from '../ports/schedulers.js';
import type { BoundSocket } from '../shell/bindSocket.js';
import { endOnLostDefects } from '../shell/lostErrors.js';
import { monotonicClock } from '../shell/monotonicClock.js';
import { openStore } from '../shell/openStore.js';
import { systemRandom } from '../shell/systemRandom.js';
import { dialTcp } from '../shell/tcpConnection.js';
import type { TcpServer } from '../shell/tcpServer.js';
import { tcpServer } from '../shell/tcpServer.js';
import { turnScheduler } from '../shell/turnScheduler.js';
import { winstonLog } from '../shell/winstonLog.js';
import type { ProcessOptions } from '../startProcess.js';
import { startProcess } from '../startProcess.js';
import type { OpenedSectorStore } from '../store/openSectorStore.js';
import { stopRequests } from './stopRequests.js';
import { programVersion } from './version.js';

const SCHEDULERS: Schedulers = { clock: monotonicClock, turn: turnScheduler };

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
  endOnLostDefects();
  const log = winstonLog({ ...config.log, fields: { rank: config.rank } });
  for (const warning of config.warnings) log.warn(warning);
  const request$ = stopSignals(config);
  const killed = firstValueFrom(request$.pipe(filter((request) => request.kind === 'kill')));
  const server = tcpServer(bound, connectionPlaces(config, log));
  // Opening takes seconds on a large disk; who does not want to wait for it need not.
  const counters = newCounters();
  const opened = await Promise.race([open(config, log, counters), killed]);
  if ('kind' in opened) return report(opened, log);
  return report(
    await live(config, { store: opened, server, request$, killed, log, counters }),
    log,
  );
}

function open(
  config: ProcessConfig,
  log: Log,
  counters: ProcessCounters,
): Promise<OpenedSectorStore> {
  const { cluster, rank, sectors, processes } = config;
  return lastValueFrom(
    openStore({
      folder: config.storage,
      identity: { cluster, rank, processCount: processes.length, sectors },
      createdBy: programVersion(),
      batchSectors: limits.STORE_BATCH_SECTORS,
      schedulers: SCHEDULERS,
      log,
      counters,
    }),
  );
}

interface Surroundings {
  readonly store: OpenedSectorStore;
  readonly server: TcpServer;
  readonly request$: Observable<Ending>;
  /** Settles with the second signal. */
  readonly killed: Promise<Ending>;
  readonly log: Log;
  readonly counters: ProcessCounters;
}

/** From the first operation to the last. */
async function live(config: ProcessConfig, surroundings: Surroundings): Promise<Ending> {
  const { store, server, request$, killed, log, counters } = surroundings;
  const running = startProcess(processOptions(config), {
    transport: transport(config, server),
    store,
    notes: store.notes,
    schedulers: SCHEDULERS,
    random: systemRandom(),
    log,
    counters,
  });
  const { host, port } = config.processes[config.rank - 1];
  const sectors = store.figures().writtenCount;
  log.info('ready', { address: `${host}:${port}`, storage: config.storage, sectors });

  const failed = firstValueFrom(
    running.failure$.pipe(
      catchError((error: unknown) => of<Ending>({ kind: 'failed', error })),
      endWith<Ending>({ kind: 'closed' }),
    ),
  );
  const first = await Promise.race([firstValueFrom(request$), failed]);
  if (first.kind !== 'terminate') return first;
  log.info('stopping', { operations: running.figures().operations });
  server.stopListening();
  const closed = lastValueFrom(running.close(), { defaultValue: null })
    .then(() => {
      server.endAll();
    })
    .then(() => lastValueFrom(store.close(), { defaultValue: null }))
    .then((): Ending => ({ kind: 'closed' }));
  return Promise.race([closed, killed, failed]);
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
  const request$ = new ReplaySubject<Ending>(2);
  // From now on a signal is noticed and remembered, also while the store is being opened.
  stopRequests({
    signals$: merge(...signals),
    patienceMs: config.timeouts.shutdownMs + limits.SHUTDOWN_SLACK_MS,
    scheduler: monotonicClock,
  })
    .pipe(map((kind): Ending => ({ kind })))
    .subscribe(request$);
  return request$.asObservable();
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
    isExtended: config.isExtended,
    limits: {
      operations: config.limits.operations,
      operationsPerConnection: config.limits.operationsPerConnection,
      processMessagesPerConnection: limits.PROCESS_MESSAGES_PER_CONNECTION,
      clientBufferBytes: limits.CLIENT_BUFFER_BYTES,
      linkBufferBytes: limits.LINK_BUFFER_BYTES,
      linkReplies: limits.LINK_REPLIES_WAITING,
      stripes: limits.STRIPES,
      missedChunks: limits.MISSED_CHUNKS,
    },
    repair: {
      ...limits.REPAIR_LIMITS,
      scrubSectorsPerSecond: config.limits.scrubSectorsPerSecond,
    },
    timeouts: {
      shutdownMs: config.timeouts.shutdownMs,
      retransmitMs: config.timeouts.retransmitMs,
      retransmitMsMax: config.timeouts.retransmitMsMax,
      reconnectMs: config.timeouts.reconnectMs,
      reconnectMsMax: config.timeouts.reconnectMsMax,
      badTagPenaltyMs: limits.BAD_TAG_PENALTY_MS,
      fullRetryMs: limits.FULL_RETRY_MS,
      linkSilentMs: limits.LINK_SILENT_MS,
      graceMs: limits.GRACE_MS,
      fetchMs: limits.FETCH_MS,
    },
  };
}
