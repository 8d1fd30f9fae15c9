/**
 * A process with workers: this thread has the socket, the connections that others open, the log and the signals; its
 * workers do everything else (docs/adr/0021-workers.md). Whatever one of them fails of, the process ends of.
 */
import { filter, firstValueFrom } from 'rxjs';
import * as limits from '../../config/limits.js';
import type { ProcessConfig } from '../../config/load.js';
import { AtomicDiskError } from '../errors.js';
import type { Log } from '../ports/log.js';
import type { BoundSocket } from '../shell/bindSocket.js';
import { ConnectionRouter } from '../workers/connectionRouter.js';
import { endOnLostDefects } from '../shell/lostErrors.js';
import { admitWorkers } from '../shell/shardFolders.js';
import { requireMount } from '../shell/mountPoint.js';
import { wasInUse } from '../shell/storageMarker.js';
import type { TcpServer } from '../shell/tcpServer.js';
import { turnScheduler } from '../shell/turnScheduler.js';
import { createTagger } from '../wire/tag.js';
import { processServer } from './connectionPlaces.js';
import { reloadProcessOnHangup } from './hangup.js';
import { processLog } from './processLog.js';
import type { Ending } from './ending.js';
import { report, stopSignals } from './ending.js';
import { WorkerThreads } from './workerThreads.js';

/** Runs the process until a signal or a failure ends it. @returns the exit code. */
export async function serveWorkers(config: ProcessConfig, isFounder: boolean, bound: BoundSocket): Promise<number> {
  endOnLostDefects();
  const log = processLog(config);
  for (const warning of config.warnings) log.warn(warning);
  const request$ = stopSignals(config);
  const killed = firstValueFrom(request$.pipe(filter((request) => request.kind === 'kill')));
  const server = processServer(bound, config, log);
  if (config.storageMustBeMount) requireMount(config.storage);
  const state = { isFounder, wasInUse: wasInUse(config.storage, config) };
  admitWorkers(config.storage, config.workers);
  const threads = new WorkerThreads(config, state, log);
  reloadProcessOnHangup(config, log, (level) => {
    log.setLevel(level);
    threads.setDebug(log.debugEnabled);
  });
  // Opening takes seconds on a large disk; who does not want to wait for it need not.
  const early = await Promise.race([threads.ready, killed, threads.failed]);
  if (early !== undefined) {
    // As a process without workers would fail of it.
    if (early.kind === 'failed' && early.error instanceof AtomicDiskError) throw early.error;
    return report(early, log);
  }
  route(config, { threads, server, log });
  const { host, port } = config.processes[config.rank - 1];
  const { storage, workers } = config;
  log.info('ready', { address: `${host}:${port}`, storage, workers, sectors: threads.sectors });

  const first = await Promise.race([firstValueFrom(request$), threads.failed]);
  if (first.kind !== 'terminate') return report(first, log);
  log.info('stopping');
  server.stopListening();
  threads.close();
  const closed = threads.finished
    .then(() => {
      server.endAll();
      return threads.closed;
    })
    .then((): Ending => ({ kind: 'closed' }));
  return report(await Promise.race([closed, killed, threads.failed]), log);
}

interface Parts {
  readonly threads: WorkerThreads;
  readonly server: TcpServer;
  readonly log: Log;
}

function route(config: ProcessConfig, { threads, server, log }: Parts): void {
  const router = new ConnectionRouter({
    rank: config.rank,
    processCount: config.processes.length,
    shardCount: config.workers,
    clientTagger: createTagger(config.clientKey),
    systemTagger: createTagger(config.systemKey),
    windowBytes: limits.ROUTER_WINDOW_BYTES,
    clientBufferBytes: limits.CLIENT_BUFFER_BYTES,
    inquiriesPerConnection: limits.INQUIRIES_PER_CONNECTION,
    post: (shard, batch) => {
      threads.postBatch(shard, batch);
    },
    inquire: (inquiry) => threads.inquire(inquiry),
    trust: (connection) => {
      server.trust(connection);
    },
    turn: turnScheduler,
    log,
    failed: (error) => {
      threads.fail(error);
    },
  });
  threads.onBatch((shard, batch) => {
    router.take(shard, batch);
  });
  server.connections$.subscribe({
    next: (connection) => {
      router.accept(connection);
    },
    error: (error: unknown) => {
      threads.fail(error);
    },
  });
}
