/**
 * A worker keeps the sectors of one shard, as serve.ts does for all sectors of a process without workers. It dials the
 * peers itself; the main thread (serveWorkers.ts) passes on the connections that others open. It runs in a thread of
 * its own, which only the main thread ends.
 */
import type { MessagePort } from 'node:worker_threads';
import { parentPort, workerData } from 'node:worker_threads';
import { asapScheduler } from 'rxjs';
import type { ProcessConfig } from '../../config/load.js';
import { assert } from '../core/assert.js';
import { newCounters } from '../core/counters.js';
import type { Shard } from '../core/shard.js';
import { endOnLostDefects } from '../shell/lostErrors.js';
import { systemRandom } from '../shell/systemRandom.js';
import { dialTcp } from '../shell/tcpConnection.js';
import { turnScheduler } from '../shell/turnScheduler.js';
import { startProcess } from '../startProcess.js';
import { createTagger } from '../wire/tag.js';
import { startWorker, workerLog } from '../workers/startWorker.js';
import type { FromWorker, ToWorker } from '../workers/workerMessages.js';
import { failureOf, memoryOf } from '../workers/workerMessages.js';
import { markWhenMember } from './markStorage.js';
import type { StartState } from './startOptions.js';
import { startOptions } from './startOptions.js';
import { openProcessStore, SCHEDULERS } from './processStore.js';

/** The data that a worker gets when it starts. */
export interface WorkerStart {
  readonly config: ProcessConfig;
  readonly shard: Shard;
  readonly state: StartState;
}

assert(parentPort !== null, 'a worker has a main thread');
await runWorker(parentPort, workerData as WorkerStart);

async function runWorker(port: MessagePort, start: WorkerStart): Promise<void> {
  endOnLostDefects();
  const post = (message: FromWorker): void => {
    port.postMessage(message, memoryOf(message));
  };
  try {
    await joinMainThread(port, post, start);
  } catch (error) {
    post(failureOf(error));
  }
}

async function joinMainThread(
  port: MessagePort,
  post: (message: FromWorker) => void,
  { config, shard, state }: WorkerStart,
): Promise<void> {
  const log = workerLog(post, config.log.level === 'debug');
  const counters = newCounters();
  const store = await openProcessStore(config, shard, { log, counters });
  const worker = startWorker({
    rank: config.rank,
    shard,
    systemTagger: createTagger(config.systemKey),
    store,
    dial: (rank) => {
      const { host, port: peerPort } = config.processes[rank - 1];
      return dialTcp({ host, port: peerPort, timeoutMs: config.timeouts.dialMs });
    },
    start: (transport) => {
      const running = startProcess(startOptions(config, shard, state), {
        transport,
        store,
        notes: store.notes,
        schedulers: SCHEDULERS,
        random: systemRandom(),
        log,
        counters,
      });
      if (shard.index === 0) markWhenMember(config, running, log);
      return running;
    },
    post,
    log,
    turn: turnScheduler,
    soon: asapScheduler,
  });
  port.on('message', (message: ToWorker) => {
    worker.receive(message);
  });
}
