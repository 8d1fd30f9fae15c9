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
  extension: null,
  workers: 0,
  inject: null,
  only: null,
  failuresMax: 5,
};
const SEED = 1_000_000;

/** Found quickly, and each by another check. */
const FAULTS_HERE = ['small-majority', 'orphans', 'no-flush', 'reply-twice', 'resend-forgotten'];

for (const [processCount, runs] of [
  [3, 120],
  [4, 30],
  [5, 20],
]) {
  test.serial(`${runs} simulated clusters of ${processCount} processes`, async (t) => {
    t.timeout(TEST_HANG_MS);
    const options = { ...COMMON, processCount };
    const result = await runPart(options, SEED, runs, (done) => {
      t.log(`${done} of ${runs}`);
    });
    t.deepEqual(result.failures, []);
    t.is(result.runs, runs);
    const counts = new Map(result.counts);
    t.log(Object.fromEntries(counts));
    t.true((counts.get('operations') ?? 0) >= 200 * runs, 'hundreds of operations each');
  });
}

test.serial('the same seed gives the same run, alone, among others and in part of them', async (t) => {
  t.timeout(TEST_HANG_MS);
  const { simulate } = await import('./simulation.js');
  const options = { seed: SEED, processCount: 3, seconds: 2 };
  const first = simulate(options);
  simulate({ ...options, seed: SEED + 1 });
  const again = simulate({ ...options, isRecording: true });
  t.is(again.hash, first.hash);
  t.true(again.lines.length > 1_000);
  t.not(simulate({ ...options, seed: SEED + 1 }).hash, first.hash);
});

for (const name of FAULTS_HERE) {
  const fault = DELIBERATE_FAULTS.find((one) => one.name === name);
  test.serial(`it finds out: ${fault?.text}`, async (t) => {
    t.timeout(TEST_HANG_MS);
    if (fault === undefined) return t.fail(`there is no fault "${name}"`);
    const options = { ...COMMON, processCount: fault.processCount, inject: name, failuresMax: 1 };
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
