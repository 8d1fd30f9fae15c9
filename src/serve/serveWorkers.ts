/**
 * A process with workers: this thread has the socket, the connections that others open, the log and the signals; its
 * workers do everything else (docs/adr/0021-workers.md). If a worker fails, the process exits with the same error.
 */
import * as limits from '../../config/limits.js';
import type { ProcessConfig } from '../../config/load.js';
import { AtomicDiskError } from '../errors.js';
import type { Log } from '../ports/log.js';
import type { BoundSocket } from '../shell/bindSocket.js';
import type { TcpServer } from '../shell/tcpServer.js';
import { turnScheduler } from '../shell/turnScheduler.js';
import { createTagger } from '../wire/tag.js';
import { ConnectionRouter } from '../workers/connectionRouter.js';
import { beginProcess } from './beginProcess.js';
import { reloadProcessOnHangup } from './hangup.js';
import { WorkerThreads } from './workerThreads.js';

/** Runs the process until a signal or a failure ends it. @returns the exit code. */
export async function serveWorkers(config: ProcessConfig, isFounder: boolean, bound: BoundSocket): Promise<number> {
  const { log, lifecycle, server, state } = beginProcess(config, isFounder, bound);
  const threads = new WorkerThreads(config, state, log);
  reloadProcessOnHangup(config, log, (level) => {
    log.setLevel(level);
    threads.setDebug(log.debugEnabled);
  });
  // Opening takes seconds on a large disk: the second signal ends that too.
  const early = await Promise.race([threads.ready, lifecycle.killed, threads.failed]);
  if (early !== undefined) {
    // A process without workers fails with this error as well.
    if (early.kind === 'failed' && early.error instanceof AtomicDiskError) throw early.error;
    return lifecycle.end(early);
  }
  route(config, { threads, server, log });
  const { host, port } = config.processes[config.rank - 1];
  const { storage, workers } = config;
  log.info('ready', { address: `${host}:${port}`, storage, workers, sectors: threads.sectors });
  return lifecycle.runUntilEnded({
    failed: threads.failed,
    stop: async () => {
      log.info('stopping');
      server.stopListening();
      threads.close();
      await threads.finished;
      server.endAll();
      await threads.closed;
    },
  });
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
