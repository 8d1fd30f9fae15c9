/** The first parts of a process, with workers or without. */
import { SHUTDOWN_SLACK_MS } from '../../config/limits.js';
import type { ProcessConfig } from '../../config/load.js';
import type { BoundSocket } from '../shell/bindSocket.js';
import { requireMount } from '../shell/mountPoint.js';
import { admitWorkers } from '../shell/shardFolders.js';
import { wasInUse } from '../shell/storageMarker.js';
import type { TcpServer } from '../shell/tcpServer.js';
import type { LeveledLog } from '../shell/winstonLog.js';
import { processServer } from './connectionPlaces.js';
import { foregroundLog } from './foregroundLog.js';
import { Lifecycle } from './lifecycle.js';
import type { StartState } from './startOptions.js';

export interface BegunProcess {
  readonly log: LeveledLog;
  readonly lifecycle: Lifecycle;
  readonly server: TcpServer;
  readonly state: StartState;
}

/** @throws {AtomicDiskError} if its storage folder cannot be used. */
export function beginProcess(config: ProcessConfig, isFounder: boolean, bound: BoundSocket): BegunProcess {
  const { rank, storage, timeouts, workers } = config;
  const log = foregroundLog(config.log, { rank });
  const lifecycle = new Lifecycle({
    log,
    patienceMs: timeouts.shutdownMs + SHUTDOWN_SLACK_MS,
    lastWords: { killed: 'stopped at once', failed: 'the process has to stop' },
  });
  for (const warning of config.warnings) log.warn(warning);
  const server = processServer(bound, config, log);
  if (config.storageMustBeMount) requireMount(storage);
  const state = { isFounder, wasInUse: wasInUse(storage, config) };
  admitWorkers(storage, workers);
  return { log, lifecycle, server, state };
}
