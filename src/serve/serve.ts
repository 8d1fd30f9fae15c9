/**
 * Puts a process together from its real parts, and ends it in good order: signals, exit codes and the life of the
 * process are decided here; what it does, in startProcess.
 */
import type { Observable } from 'rxjs';
import { catchError, endWith, filter, firstValueFrom, lastValueFrom, of } from 'rxjs';
import type { ProcessConfig } from '../../config/load.js';
import type { ProcessCounters } from '../core/counters.js';
import { newCounters } from '../core/counters.js';
import type { Transport } from '../ports/connection.js';
import type { Log } from '../ports/log.js';
import type { BoundSocket } from '../shell/bindSocket.js';
import { endOnLostDefects } from '../shell/lostErrors.js';
import { admitWorkers } from '../shell/shardFolders.js';
import { requireMount } from '../shell/mountPoint.js';
import { wasInUse } from '../shell/storageMarker.js';
import { systemRandom } from '../shell/systemRandom.js';
import { dialTcp } from '../shell/tcpConnection.js';
import type { TcpServer } from '../shell/tcpServer.js';
import { startProcess } from '../startProcess.js';
import type { OpenedSectorStore } from '../store/openSectorStore.js';
import { processServer } from './connectionPlaces.js';
import { reloadProcessOnHangup } from './hangup.js';
import { processLog } from './processLog.js';
import type { Ending } from './ending.js';
import { report, stopSignals } from './ending.js';
import { markWhenMember } from './markStorage.js';
import { openProcessStore, SCHEDULERS } from './processStore.js';
import type { StartState } from './processOptions.js';
import { processOptions } from './processOptions.js';

/** Runs the process until a signal or a failure ends it. @returns the exit code. */
export async function serve(config: ProcessConfig, isFounder: boolean, bound: BoundSocket): Promise<number> {
  endOnLostDefects();
  const log = processLog(config);
  for (const warning of config.warnings) log.warn(warning);
  reloadProcessOnHangup(config, log, log.setLevel);
  const request$ = stopSignals(config);
  const killed = firstValueFrom(request$.pipe(filter((request) => request.kind === 'kill')));
  const server = processServer(bound, config, log);
  if (config.storageMustBeMount) requireMount(config.storage);
  const state = { isFounder, wasInUse: wasInUse(config.storage, config) };
  admitWorkers(config.storage, 0);
  // Opening takes seconds on a large disk; who does not want to wait for it need not.
  const counters = newCounters();
  const opened = await Promise.race([openProcessStore(config, null, { log, counters }), killed]);
  if ('kind' in opened) return report(opened, log);
  return report(await runUntilEnded(config, { state, store: opened, server, request$, killed, log, counters }), log);
}

interface Surroundings {
  readonly state: StartState;
  readonly store: OpenedSectorStore;
  readonly server: TcpServer;
  readonly request$: Observable<Ending>;
  /** Settles with the second signal. */
  readonly killed: Promise<Ending>;
  readonly log: Log;
  readonly counters: ProcessCounters;
}

/** From the first operation to the last. */
async function runUntilEnded(config: ProcessConfig, surroundings: Surroundings): Promise<Ending> {
  const { state, store, server, request$, killed, log, counters } = surroundings;
  const running = startProcess(processOptions(config, null, state), {
    transport: transport(config, server),
    store,
    notes: store.notes,
    schedulers: SCHEDULERS,
    random: systemRandom(),
    log,
    counters,
  });
  markWhenMember(config, running, log);
  const { host, port } = config.processes[config.rank - 1];
  const sectors = store.stats().writtenCount;
  log.info('ready', { address: `${host}:${port}`, storage: config.storage, sectors });

  const failed = firstValueFrom(
    running.failure$.pipe(
      catchError((error: unknown) => of<Ending>({ kind: 'failed', error })),
      endWith<Ending>({ kind: 'closed' }),
    ),
  );
  const first = await Promise.race([firstValueFrom(request$), failed]);
  if (first.kind !== 'terminate') return first;
  log.info('stopping', { operations: running.stats().operations });
  server.stopListening();
  const closed = lastValueFrom(running.close(), { defaultValue: null })
    .then(() => {
      server.endAll();
    })
    .then(() => lastValueFrom(store.close(), { defaultValue: null }))
    .then((): Ending => ({ kind: 'closed' }));
  return Promise.race([closed, killed, failed]);
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
