/** Deliberate faults of the extension: see deliberateFaults.ts. */
import type { DeliberateFault } from './deliberateFault.js';

export const EXTENSION_FAULTS: readonly DeliberateFault[] = [
  {
    name: 'any-answer',
    text: 'a process that has sent an older stamp counts as one that holds the newest',
    processCount: 3,
    runs: 200,
    blackBoxRuns: null,
    extension: 'on',
    edits: [
      {
        file: 'src/core/register/readList.js',
        find: 'if (compareStamps(entry.stamp, stamp) === 0)',
        replace: 'if (compareStamps(entry.stamp, stamp) <= 0)',
      },
    ],
  },
  {
    name: 'forgets-boot',
    text: 'a process that starts again has forgotten its last boot number',
    processCount: 3,
    runs: 600,
    blackBoxRuns: null,
    extension: 'on',
    edits: [
      {
        file: 'streams/pipelines/membership/bootNumber.js',
        find: 'this.#before = readNote(notes, NOTE_BOOT, FORMAT) ?? 0;',
        replace: 'this.#before = 0;',
      },
    ],
  },
  {
    name: 'no-boot',
    text: 'a stamp is sent before it is on the disk by a boot without a number',
    processCount: 3,
    runs: 20,
    blackBoxRuns: null,
    extension: 'on',
    edits: [
      {
        file: 'src/core/stamp.js',
        find: 'return boot > 0;',
        replace: 'return boot >= 0;',
      },
    ],
  },
  {
    name: 'not-agreed',
    text: 'messages of this implementation are sent to a peer that has not agreed',
    processCount: 3,
    runs: 20,
    blackBoxRuns: 20,
    edits: [
      {
        file: 'streams/stubbornLink.js',
        find: 'isExtended() ? message',
        replace: 'isExtended() || true ? message',
      },
    ],
  },
];
