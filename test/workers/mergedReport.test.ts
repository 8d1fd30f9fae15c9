/** The reports of workers as that of their process. */
import test from 'ava';
import { newCounters } from '../../src/core/counters.js';
import { mergedReport } from '../../src/workers/mergedReport.js';
import type { StatusReport } from '../../streams/pipelines/status/statusReport.js';

const SCRUB = {
  isRunning: false,
  passes: 3,
  position: 0,
  verified: 10,
  damaged: 1,
  behind: 2,
  ahead: 3,
  comparedWith: [2, 3],
};
const ONE: StatusReport = {
  rank: 1,
  processes: 3,
  sectors: 100,
  badTags: {},
  standing: 'member',
  waiting: undefined,
  objections: undefined,
  differences: undefined,
  incarnation: 0,
  start: '0b',
  written: 10,
  damaged: 1,
  healed: 2,
  operations: 3,
  missed: { 2: 4 },
  missedMore: false,
  connected: [2, 3],
  extended: [2, 3],
  rebuild: null,
  scrub: SCRUB,
  counters: { ...newCounters(), tagsMade: 5, dataFlushes: 1 },
};

test('of one worker it is its own', (t) => {
  t.deepEqual(mergedReport([ONE]), ONE);
});

test('counts are added up; what all agree on is said', (t) => {
  const other: StatusReport = {
    ...ONE,
    incarnation: 2,
    missed: { 2: 1, 3: 1 },
    missedMore: true,
    connected: [3],
    extended: [],
    scrub: { ...SCRUB, isRunning: true, passes: 2, position: 77, comparedWith: [3] },
  };
  const merged = mergedReport([ONE, other]);
  t.like(merged, { written: 20, damaged: 2, healed: 4, operations: 6, incarnation: 2 });
  t.deepEqual(merged.missed, { 2: 5, 3: 1 });
  t.true(merged.missedMore);
  t.deepEqual([merged.connected, merged.extended], [[3], []]);
  t.deepEqual(merged.scrub, {
    isRunning: true,
    passes: 2,
    position: 77,
    verified: 20,
    damaged: 2,
    behind: 4,
    ahead: 6,
    comparedWith: [3],
  });
  t.like(merged.counters, { tagsMade: 10, dataFlushes: 2, peerBytes: 0 });
});

test('a process is what the least of its workers is', (t) => {
  const joining = (taken: number, isEnough: boolean): StatusReport => {
    return { ...ONE, standing: 'joining', rebuild: { taken, total: 10, isEnough } };
  };
  t.is(mergedReport([ONE, joining(1, true)]).standing, 'joining');
  t.is(mergedReport([joining(1, true), { ...ONE, standing: 'fresh' }]).standing, 'fresh');
  t.deepEqual(mergedReport([ONE, joining(1, true), joining(4, false)]).rebuild, {
    taken: 5,
    total: 20,
    isEnough: false,
  });
});

test('its life has one id, whichever worker answers first; none if one does not tell', (t) => {
  const other = { ...ONE, start: '0a' };
  t.is(mergedReport([ONE, other]).start, '0a');
  t.is(mergedReport([other, ONE]).start, '0a');
  t.is(mergedReport([other, { ...ONE, start: undefined }]).start, undefined);
});
