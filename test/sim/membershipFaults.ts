/** Deliberate faults in whom a process believes, and in what it founds: see deliberateFaults.ts. */
import type { DeliberateFault, Edit } from './deliberateFault.js';

const FOUNDING = 'src/core/membership/founding.js';

const ANY_ADDRESSEE: Edit = {
  file: 'streams/pipelines/membership/introductions.js',
  find: 'const isForOther = addressee !== verdict.self;',
  replace: 'const isForOther = false;',
};
const ONE_VOICE: Edit = {
  file: 'src/core/membership/membership.js',
  find: 'if (objections.length > (self.processCount - 1) / 2)',
  replace: 'if (objections.length > 0)',
};

export const MEMBERSHIP_FAULTS: readonly DeliberateFault[] = [
  {
    name: 'any-addressee',
    text: 'a HELLO counts for any addressee, and one report of a replaced disk is enough',
    processCount: 3,
    runs: 200,
    blackBoxRuns: null,
    edits: [ANY_ADDRESSEE, ONE_VOICE],
  },
  {
    name: 'no-identity',
    text: 'no process checks whether a disk has been replaced',
    processCount: 3,
    runs: 50,
    blackBoxRuns: null,
    edits: [
      {
        file: FOUNDING,
        find: "if (isLost)\n        return { kind: 'join' };",
        replace: "if (isLost)\n        return { kind: 'enter', founding: null };",
      },
    ],
  },
  {
    name: 'founds-alone',
    text: 'a fresh process founds a cluster with a majority, before it has heard all others',
    processCount: 3,
    runs: 200,
    blackBoxRuns: null,
    edits: [
      {
        file: FOUNDING,
        find: 'if (isAlone || unheard.length + inUse.length + founders.length > 0)',
        replace: 'if (false)',
      },
    ],
  },
];
