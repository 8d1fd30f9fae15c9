/**
 * A process with workers: this thread has the socket, the connections that others open, the log and the signals; its
 * workers do everything else (docs/adr/0021-workers.md).
 */
import { filter, firstValueFrom, map } from 'rxjs';
import type { ProcessConfig } from '../../config/load.js';
import { AtomicDiskError } from '../errors.js';
import type { BoundSocket } from '../shell/bindSocket.js';
import { endOnLostDefects } from '../shell/lostErrors.js';
import { admitWorkers } from '../shell/shardFolders.js';
import { requireMount } from '../shell/mountPoint.js';
import { wasInUse } from '../shell/storageMarker.js';
import { turnScheduler } from '../shell/turnScheduler.js';
import { processServer } from './connectionPlaces.js';
import { reloadProcessOnHangup } from './hangup.js';
import { processLog } from './processLog.js';
import type { Ending } from './ending.js';
import { report, stopSignals } from './ending.js';
import { routeOptions } from './processOptions.js';
import { startWorkerThreads } from './workerThreads.js';

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
  const group = startWorkerThreads(config, state, log);
  const failed = firstValueFrom(group.failed$.pipe(map((error): Ending => ({ kind: 'failed', error }))));
  reloadProcessOnHangup(config, log, (level) => {
    log.setLevel(level);
    group.setDebug(log.debugEnabled);
  });
  // Opening takes seconds on a large disk; who does not want to wait for it need not.
  const ready = firstValueFrom(group.ready$.pipe(map(() => null)));
  const early = await Promise.race([ready, killed, failed]);
  if (early !== null) {
    // As a process without workers would fail of it.
    if (early.kind === 'failed' && early.error instanceof AtomicDiskError) throw early.error;
    return report(early, log);
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

  const first = await Promise.race([firstValueFrom(request$), failed]);
  if (first.kind !== 'terminate') return report(first, log);
  log.info('stopping');
  server.stopListening();
  group.close();
  const closed = firstValueFrom(group.finished$)
    .then(() => {
      server.endAll();
      return firstValueFrom(group.closed$);
    })
    .then((): Ending => ({ kind: 'closed' }));
  return report(await Promise.race([closed, killed, failed]), log);
}
