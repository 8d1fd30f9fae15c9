/**
 * A fixed set of simulated clusters, the same every time; deliberate faults that have to be found; and that a run is
 * the same whenever it is made.
 */
import test from 'ava';
import { DELIBERATE_FAULTS } from './deliberateFaults.js';
import { runPart, runParts } from './parts.js';
import { missingFrom } from './report.js';
import { TEST_HANG_MS } from '../helpers/hang.js';

const COMMON = {
  seconds: 5,
  isBlackBox: false,
  isStrict: false,
  extension: null,
  workers: 0,
  inject: null,
  only: null,
  failuresMax: 5,
};
const SEED = 1_000_000;

/** Found quickly, and each by another check. */
const FAULTS_HERE = ['small-majority', 'orphans', 'no-flush', 'reply-twice', 'resend-forgotten', 'close-untold'];

/** Few runs are a test, so that one that hangs is told from a machine that is busy. */
const RUNS_PER_TEST = 5;

for (const [processCount, workers, runs] of [
  [3, 0, 30],
  [4, 0, 10],
  [5, 0, 10],
  [3, 2, 10],
  [3, 3, 5],
]) {
  for (let seed = SEED; seed < SEED + runs; seed += RUNS_PER_TEST) {
    const which = `seeds from ${seed}${workers > 0 ? `, with ${workers} workers` : ''}`;
    test.serial(`${RUNS_PER_TEST} simulated clusters of ${processCount} processes, ${which}`, async (t) => {
      t.timeout(TEST_HANG_MS);
      const options = { ...COMMON, processCount, workers };
      const result = await runPart(options, seed, RUNS_PER_TEST, () => undefined);
      t.deepEqual(result.failures, []);
      t.is(result.runs, RUNS_PER_TEST);
      const counts = new Map(result.counts);
      t.log(Object.fromEntries(counts));
      t.true((counts.get('operations') ?? 0) >= 200 * RUNS_PER_TEST, 'hundreds of operations each');
    });
  }
}

for (const workers of [0, 2]) {
  test.serial(`the same seed gives the same run, alone and among others, with ${workers} workers`, async (t) => {
    t.timeout(TEST_HANG_MS);
    const { simulate } = await import('./simulation.js');
    const options = { seed: SEED, processCount: 3, seconds: 2, workers };
    const first = simulate(options);
    simulate({ ...options, seed: SEED + 1 });
    const again = simulate({ ...options, isRecording: true });
    t.is(again.hash, first.hash);
    t.true(again.lines.length > 1_000);
    t.not(simulate({ ...options, seed: SEED + 1 }).hash, first.hash);
  });
}

test('where the seed decides, processes have workers in some runs and none in others', async (t) => {
  const { simulate } = await import('./simulation.js');
  const numbers = [1, 2, 3, 4, 5, 6].map((seed) => {
    const { counts } = simulate({ seed, processCount: 1, seconds: 1, workers: 'mixed', only: new Set([0]) });
    return counts.get('workers') ?? 0;
  });
  t.true(numbers.includes(0));
  t.true(numbers.some((count) => count > 1));
});

for (const name of FAULTS_HERE) {
  const fault = DELIBERATE_FAULTS.find((one) => one.name === name);
  test.serial(`it finds out: ${fault?.text}`, async (t) => {
    t.timeout(TEST_HANG_MS);
    if (fault === undefined) return t.fail(`there is no fault "${name}"`);
    const { processCount, workers = 0 } = fault;
    const options = { ...COMMON, processCount, workers, inject: name, failuresMax: 1 };
    const result = await runPart(options, 1, fault.runs, () => undefined);
    t.log(result.failures[0]);
    t.is(result.failures.length, 1);
  });
}

test('what never happens is missed', async (t) => {
  t.timeout(TEST_HANG_MS);
  const options = { ...COMMON, processCount: 3, runs: 2, jobs: 2, only: new Set([0]) };
  const { counts, failures, runs } = await runParts(options, SEED, () => undefined);
  t.deepEqual(failures, []);
  t.is(runs, 2);
  const missing = missingFrom(counts);
  t.true(missing.includes('kill') && missing.includes('torn sectors'));
  t.false(missing.includes('writes answered'));
});
