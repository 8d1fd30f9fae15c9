/** Deliberate faults of how the last commit is settled: see deliberateFaults.ts. */
import type { DeliberateFault } from './deliberateFault.js';

export const STORE_FAULTS: readonly DeliberateFault[] = [
  {
    name: 'no-return',
    text: 'a start does not go back on a commit whose data is not there',
    processCount: 3,
    runs: 50,
    blackBoxRuns: null,
    edits: [
      {
        file: 'src/store/lastCommit.js',
        find: 'if (replaced.length === 0)',
        replace: 'if (replaced.length >= 0)',
      },
    ],
  },
  {
    name: 'early-confirm',
    text: 'a commit counts as complete when its metadata are durable',
    processCount: 3,
    runs: 20,
    blackBoxRuns: null,
    edits: [
      {
        file: 'src/store/commitBatch.js',
        find: 'data: errorOf(withData.length === 0 ? EMPTY : slotFile.flush()),',
        replace: `data: errorOf(withData.length === 0 ? EMPTY
                : (slotFile.flush().subscribe({ error: () => undefined }), EMPTY)),`,
      },
    ],
  },
];
