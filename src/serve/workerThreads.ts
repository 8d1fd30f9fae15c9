/** The threads of a process with workers. */
import { Worker } from 'node:worker_threads';
import type { ProcessConfig } from '../../config/load.js';
import type { Log } from '../ports/log.js';
import { WorkerGroup } from '../workers/workerGroup.js';
import type { FromWorker } from '../workers/workerMessages.js';
import { memoryOf } from '../workers/workerMessages.js';
import type { StartState } from './startOptions.js';
import type { WorkerStart } from './workerThread.js';

const PROGRAM = new URL('./workerThread.js', import.meta.url);

export function startWorkerThreads(config: ProcessConfig, state: StartState, log: Log): WorkerGroup {
  const { workers } = config;
  const threads: Worker[] = [];
  const group = new WorkerGroup({
    workers,
    post: (shard, message) => {
      threads[shard].postMessage(message, memoryOf(message));
    },
    log,
  });
  for (let index = 0; index < workers; index += 1) {
    const start: WorkerStart = { config, shard: { index, count: workers }, state };
    const thread = new Worker(PROGRAM, { workerData: start, name: `atdd shard ${index}` });
    thread.on('message', (message: FromWorker) => {
      group.receive(index, message);
    });
    thread.on('error', (error) => {
      group.fail(error);
    });
    thread.on('exit', (code) => {
      if (!group.isClosed) group.fail(new Error(`worker ${index} ended, code ${code}`));
    });
    threads.push(thread);
  }
  return group;
}
