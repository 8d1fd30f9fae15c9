/** Deliberate faults of processes with workers: see deliberateFaults.ts. */
import type { DeliberateFault } from './deliberateFault.js';

const ROUTER = 'src/workers/connectionRouter.js';

export const WORKER_FAULTS: readonly DeliberateFault[] = [
  {
    name: 'ends-early',
    text: 'a router ends its half of a connection before its workers have ended theirs',
    processCount: 3,
    runs: 100,
    blackBoxRuns: null,
    workers: 2,
    edits: [
      {
        file: ROUTER,
        find: 'channels.every((channel) => channel === null || channel.hasEnded)',
        replace: 'channels.length > 0',
      },
    ],
  },
  {
    name: 'end-untold',
    text: 'a router does not tell workers that a client has ended its half',
    processCount: 3,
    runs: 20,
    blackBoxRuns: null,
    workers: 2,
    edits: [
      {
        file: ROUTER,
        find: 'this.#notifyAll(routed, Notice.ended);',
        replace: '',
      },
    ],
  },
  {
    name: 'close-untold',
    text: 'a router does not tell workers that a connection is gone',
    processCount: 3,
    runs: 20,
    blackBoxRuns: null,
    workers: 2,
    edits: [
      {
        file: ROUTER,
        find: 'this.#notifyAll(routed, Notice.closed);',
        replace: '',
      },
    ],
  },
  {
    name: 'any-shard',
    text: 'what a peer sends goes to the worker of another number than it has declared',
    processCount: 3,
    runs: 5,
    blackBoxRuns: null,
    workers: 2,
    edits: [
      {
        file: ROUTER,
        find: 'routed.declared = index;',
        replace: 'routed.declared = (index + 1) % count;',
      },
    ],
  },
  {
    name: 'taken-untold',
    text: 'a worker does not tell what it has taken in',
    processCount: 3,
    runs: 20,
    blackBoxRuns: null,
    workers: 2,
    edits: [
      {
        file: 'src/workers/virtualConnections.js',
        find: 'this.main.notify(Notice.taken, this.takenBytes);',
        replace: '',
      },
    ],
  },
];
