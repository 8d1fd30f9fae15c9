/**
 * Puts a process without workers together from its real parts. startProcess.ts decides what it does, lifecycle.ts how
 * it ends.
 */
import { lastValueFrom } from 'rxjs';
import type { ProcessConfig } from '../../config/load.js';
import { newCounters } from '../core/counters.js';
import type { Transport } from '../ports/connection.js';
import type { BoundSocket } from '../shell/bindSocket.js';
import { systemRandom } from '../shell/systemRandom.js';
import { dialTcp } from '../shell/tcpConnection.js';
import type { TcpServer } from '../shell/tcpServer.js';
import { startModes } from '../startModes.js';
import { beginProcess } from './beginProcess.js';
import { reloadProcessOnHangup } from './hangup.js';
import { failureOf } from './lifecycle.js';
import { markWhenMember } from './markStorage.js';
import { openStores, SCHEDULERS } from './processStore.js';
import { startOptions } from './startOptions.js';

/** Runs the process until a signal or a failure ends it. @returns the exit code. */
export async function serve(config: ProcessConfig, isFounder: boolean, bound: BoundSocket): Promise<number> {
  const { log, lifecycle, server, state } = beginProcess(config, isFounder, bound);
  reloadProcessOnHangup(config, log, log.setLevel);
  const counters = newCounters();
  // To open a large disk takes seconds, so the second signal has to end that as well.
  const stores = await Promise.race([openStores(config, { log, counters }), lifecycle.killed]);
  if ('kind' in stores) return lifecycle.end(stores);
  const { store, strictStore, mode } = stores;
  const canChange = config.members === 'strict';
  const running = startModes(
    { ...startOptions(config, null, state), mode, canChange },
    {
      transport: transport(config, server),
      store,
      ...(strictStore !== undefined && { strictStore }),
      openStrict: () => store.openStrict(),
      notes: store.notes,
      schedulers: SCHEDULERS,
      random: systemRandom(),
      log,
      counters,
    },
  );
  markWhenMember(config, running, log);
  const { host, port } = config.processes[config.rank - 1];
  const sectors = store.stats().writtenCount;
  log.info('ready', { address: `${host}:${port}`, storage: config.storage, sectors });
  return lifecycle.runUntilEnded({
    failed: failureOf(running.failure$),
    stop: async () => {
      log.info('stopping', { operations: running.stats().operations });
      server.stopListening();
      await lastValueFrom(running.close(), { defaultValue: null });
      server.endAll();
      await lastValueFrom(store.close(), { defaultValue: null });
    },
  });
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
