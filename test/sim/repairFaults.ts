/** Deliberate faults of what brings lost copies back: see deliberateFaults.ts. */
import type { DeliberateFault, Edit } from './deliberateFault.js';

const PAGES = 'streams/pipelines/repair/pages.js';

const WAITING_ANSWERS: Edit = {
  file: 'streams/reduceRegisters.js',
  find: 'if (options.isVoid?.(cause) === true)',
  replace: 'if (false)',
};
const EARLY_LIST: Edit = {
  file: 'streams/pipelines/membership/listingAnswers.js',
  find: 'if (state.disavowals.areWaiting(sender))',
  replace: 'if (false)',
};

export const REPAIR_FAULTS: readonly DeliberateFault[] = [
  {
    name: 'rebuild-forgets',
    text: 'a rebuild forgets a sector of each page',
    processCount: 3,
    runs: 200,
    blackBoxRuns: null,
    edits: [
      {
        file: PAGES,
        find: 'newest: [...newest.values()]',
        replace: 'newest: [...newest.values()].slice(1)',
      },
    ],
  },
  {
    name: 'early-vote',
    text: 'a process whose disk is new votes before it has taken in everything',
    processCount: 3,
    runs: 50,
    blackBoxRuns: 400,
    edits: [
      {
        file: 'streams/pipelines/registers.js',
        find: 'isSilent: !isVoting',
        replace: "isSilent: membership.memberState === 'fresh'",
      },
    ],
  },
  {
    name: 'late-disavowal',
    text: 'answers of a lost disk count until the event that disavows them has had its turn',
    processCount: 3,
    runs: 200,
    blackBoxRuns: null,
    extension: 'on',
    edits: [WAITING_ANSWERS, EARLY_LIST],
  },
  {
    name: 'early-list',
    text: 'sectors are listed while an operation may still count an answer of a lost disk',
    processCount: 3,
    runs: 200,
    blackBoxRuns: null,
    extension: 'on',
    edits: [EARLY_LIST],
  },
  {
    name: 'older-value',
    text: 'a repair gives an older value the stamp of the newest',
    processCount: 3,
    runs: 200,
    blackBoxRuns: 400,
    edits: [
      {
        file: PAGES,
        find: 'exchange.adopt(sector, value.stamp, value.data)',
        replace: 'exchange.adopt(sector, stamp, value.data)',
      },
      {
        file: PAGES,
        find: 'if (order < 0)',
        replace: `if (order < 0)
                newest.set(sector, { ...known, holders: [rank] });
            if (order < 0)`,
      },
    ],
  },
  {
    name: 'no-handover',
    text: 'what a process has missed is never brought to it',
    processCount: 3,
    runs: 5,
    blackBoxRuns: null,
    edits: [
      {
        file: 'streams/pipelines/repair/repair.js',
        find: 'lanes: () => (peer.isConnected ? lanesOf(options) : 0)',
        replace: 'lanes: () => 0',
      },
    ],
  },
];
