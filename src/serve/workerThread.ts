/**
 * A worker keeps the sectors of one shard, as serve.ts does for all sectors of a process without workers. It dials the
 * peers itself; the main thread (serveWorkers.ts) passes on the connections that others open. It runs in a thread of
 * its own, which only the main thread ends.
 */
import type { MessagePort } from 'node:worker_threads';
import { parentPort, workerData } from 'node:worker_threads';
import { asapScheduler, lastValueFrom, tap } from 'rxjs';
import type { ProcessConfig } from '../../config/load.js';
import { assert } from '../core/assert.js';
import { newCounters } from '../core/counters.js';
import type { Shard } from '../core/shard.js';
import { AtomicDiskError, describeError } from '../errors.js';
import type { Transport } from '../ports/connection.js';
import type { Log, LogFields } from '../ports/log.js';
import { endOnLostDefects } from '../shell/lostErrors.js';
import { systemRandom } from '../shell/systemRandom.js';
import { dialTcp } from '../shell/tcpConnection.js';
import { turnScheduler } from '../shell/turnScheduler.js';
import { VirtualConnections } from '../workers/virtualConnections.js';
import type { RunningProcess } from '../startProcess.js';
import { startProcess } from '../startProcess.js';
import type { OpenedSectorStore } from '../store/openSectorStore.js';
import { serializeShard } from '../wire/shardMessage.js';
import { createTagger } from '../wire/tag.js';
import { startOptions } from './startOptions.js';
import { openProcessStore, SCHEDULERS } from './processStore.js';
import { markWhenMember } from './markStorage.js';
import type { FromWorker, ToWorker, WorkerStart } from './workerMessages.js';

assert(parentPort !== null, 'a worker has a main thread');
await runWorker(parentPort, workerData as WorkerStart);

async function runWorker(port: MessagePort, start: WorkerStart): Promise<void> {
  endOnLostDefects();
  const post = (message: FromWorker): void => {
    port.postMessage(message);
  };
  try {
    await startWorker(port, start);
  } catch (error) {
    post(failureOf(error));
  }
}

async function startWorker(port: MessagePort, { config, shard, state }: WorkerStart): Promise<void> {
  const log = logThrough(port, config.log.level === 'debug');
  const counters = newCounters();
  const store = await openProcessStore(config, shard, { log, counters });
  const connections = new VirtualConnections({
    post: (batch) => {
      port.postMessage({ kind: 'batch', batch } satisfies FromWorker, [batch.memory]);
    },
    turn: turnScheduler,
    soon: asapScheduler,
  });
  const running = startProcess(startOptions(config, shard, state), {
    transport: transport(config, shard, connections),
    store,
    notes: store.notes,
    schedulers: SCHEDULERS,
    random: systemRandom(),
    log,
    counters,
  });
  if (shard.index === 0) markWhenMember(config, running, log);
  running.failure$.subscribe({
    error: (error: unknown) => {
      port.postMessage(failureOf(error));
    },
  });
  port.on('message', (message: ToWorker) => {
    switch (message.kind) {
      case 'batch':
        connections.take(message.batch);
        break;
      case 'inquire': {
        const report = running.inquire(message.inquiry);
        port.postMessage({ kind: 'report', number: message.number, report } satisfies FromWorker);
        break;
      }
      case 'debug':
        log.setDebug(message.isEnabled);
        break;
      case 'close':
        void close(port, running, connections, store);
        break;
    }
  });
  const sectors = store.stats().writtenCount;
  // Before that nobody takes connections.
  await lastValueFrom(running.ready$, { defaultValue: null });
  port.postMessage({ kind: 'ready', sectors } satisfies FromWorker);
}

async function close(
  port: MessagePort,
  running: RunningProcess,
  connections: VirtualConnections,
  store: OpenedSectorStore,
): Promise<void> {
  try {
    await lastValueFrom(running.close(), { defaultValue: null });
    connections.flush();
    port.postMessage({ kind: 'finished' } satisfies FromWorker);
    await lastValueFrom(store.close(), { defaultValue: null });
    port.postMessage({ kind: 'closed' } satisfies FromWorker);
  } catch (error) {
    port.postMessage(failureOf(error));
  }
}

function transport(config: ProcessConfig, shard: Shard, connections: VirtualConnections): Transport {
  const declaration = serializeShard(config.rank, shard, createTagger(config.systemKey));
  return {
    connections$: connections.connections$,
    dial: (rank) => {
      const { host, port } = config.processes[rank - 1];
      return dialTcp({ host, port, timeoutMs: config.timeouts.dialMs }).pipe(
        // Before all else: see connectionRouter.ts.
        tap((connection) => {
          connection.write([declaration]);
        }),
      );
    },
    trust: (connection) => {
      connections.trust(connection);
    },
  };
}

/** The main thread has the log, so that the last lines before an end are not lost. */
function logThrough(port: MessagePort, debugAtFirst: boolean): Log & { setDebug(isEnabled: boolean): void } {
  let debugEnabled = debugAtFirst;
  const at =
    (level: 'debug' | 'info' | 'warn' | 'error') =>
    (message: string, fields: LogFields = {}): void => {
      port.postMessage({ kind: 'log', level, message, fields } satisfies FromWorker);
    };
  return {
    get debugEnabled() {
      return debugEnabled;
    },
    setDebug: (isEnabled) => {
      debugEnabled = isEnabled;
    },
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
  };
}

function failureOf(error: unknown): FromWorker {
  const code = error instanceof AtomicDiskError ? error.code : null;
  const stack = error instanceof Error ? error.stack : undefined;
  return { kind: 'failed', code, message: describeError(error), stack };
}
