/**
 * A process with workers: this thread has the socket, the connections that others open, the log and the signals; its
 * workers do everything else (docs/adr/0021-workers.md). If a worker fails, the process exits with the same error.
 */
import { firstValueFrom, map } from 'rxjs';
import type { ProcessConfig } from '../../config/load.js';
import { AtomicDiskError } from '../errors.js';
import type { BoundSocket } from '../shell/bindSocket.js';
import { turnScheduler } from '../shell/turnScheduler.js';
import { beginProcess } from './beginProcess.js';
import { reloadProcessOnHangup } from './hangup.js';
import type { Ending } from './lifecycle.js';
import { routeOptions } from './startOptions.js';
import { startWorkerThreads } from './workerThreads.js';

/** Runs the process until a signal or a failure ends it. @returns the exit code. */
export async function serveWorkers(config: ProcessConfig, isFounder: boolean, bound: BoundSocket): Promise<number> {
  const { log, lifecycle, server, state } = beginProcess(config, isFounder, bound);
  const group = startWorkerThreads(config, state, log);
  const failed = firstValueFrom(group.failed$.pipe(map((error): Ending => ({ kind: 'failed', error }))));
  reloadProcessOnHangup(config, log, (level) => {
    log.setLevel(level);
    group.setDebug(log.debugEnabled);
  });
  // To open a large disk takes seconds, so the second signal has to end that as well.
  const ready = firstValueFrom(group.ready$.pipe(map(() => null)));
  const early = await Promise.race([ready, lifecycle.killed, failed]);
  if (early !== null) {
    // A process without workers fails with this error as well.
    if (early.kind === 'failed' && early.error instanceof AtomicDiskError) throw early.error;
    return lifecycle.end(early);
  }
  group.route(server.connections$, {
    ...routeOptions(config),
    trust: (connection) => {
      server.trust(connection);
    },
    turn: turnScheduler,
  });
  const { host, port } = config.processes[config.rank - 1];
  const { storage, workers } = config;
  log.info('ready', { address: `${host}:${port}`, storage, workers, sectors: group.sectors });
  return lifecycle.runUntilEnded({
    failed,
    stop: async () => {
      log.info('stopping');
      server.stopListening();
      group.close();
      await firstValueFrom(group.finished$);
      server.endAll();
      await firstValueFrom(group.closed$);
    },
  });
}
