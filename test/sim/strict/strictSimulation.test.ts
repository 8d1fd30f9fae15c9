/** A fixed set of simulated strict clusters; deliberate faults that have to be found; runs that repeat. */
import test from 'ava';
import { TEST_HANG_MS } from '../../helpers/hang.js';
import { DELIBERATE_FAULTS } from '../deliberateFaults.js';
import { runPart } from '../parts.js';
import { SCHEDULES } from './schedules.js';
import { simulateStrict } from './strictSimulation.js';
import { dataOf, DAMAGED, nameIn, writeNameOf, ZEROS } from './strictData.js';

const COMMON = {
  seconds: 5,
  isBlackBox: false,
  isStrict: true,
  extension: null,
  workers: 0,
  inject: null,
  only: null,
  failuresMax: 5,
};
const SEED = 1_000_000;
const RUNS_PER_TEST = 5;
/** Each is found by the first run or the second, or by its schedule. */
const FAULTS_HERE = DELIBERATE_FAULTS.filter(
  ({ name, schedule }) => schedule !== undefined || ['strict-refused-first', 'strict-order-skipped'].includes(name),
);
const SCHEDULE_SEEDS = [1, 2, 3];

for (const [processCount, runs] of [
  [3, 20],
  [4, 5],
  [5, 5],
]) {
  for (let seed = SEED; seed < SEED + runs; seed += RUNS_PER_TEST) {
    test.serial(`${RUNS_PER_TEST} strict clusters of ${processCount} processes, seeds from ${seed}`, async (t) => {
      t.timeout(TEST_HANG_MS);
      const result = await runPart({ ...COMMON, processCount }, seed, RUNS_PER_TEST, () => undefined);
      t.deepEqual(result.failures, []);
      t.is(result.runs, RUNS_PER_TEST);
      const counts = new Map(result.counts);
      t.log(Object.fromEntries(counts));
      t.true((counts.get('operations') ?? 0) >= 200 * RUNS_PER_TEST, 'hundreds of operations each');
    });
  }
}

test.serial('the same seed gives the same run, alone and among others', (t) => {
  t.timeout(TEST_HANG_MS);
  const options = { seed: SEED, processCount: 3, seconds: 2 };
  const first = simulateStrict(options);
  simulateStrict({ ...options, seed: SEED + 1 });
  const again = simulateStrict({ ...options, isRecording: true });
  t.is(again.hash, first.hash);
  t.true(again.lines.length > 1_000);
  t.not(simulateStrict({ ...options, seed: SEED + 1 }).hash, first.hash);
});

for (const { name, text } of SCHEDULES) {
  test.serial(`with the rules whole it is harmless: ${text}`, (t) => {
    t.timeout(TEST_HANG_MS);
    for (const seed of SCHEDULE_SEEDS) {
      const { finding, counts } = simulateStrict({ seed, processCount: 3, seconds: 5, schedule: name });
      t.is(finding, null, `seed ${seed}`);
      t.true((counts.get('operations') ?? 0) > 0);
    }
  });
}

test('a schedule that is not there is an error that lists those that are', (t) => {
  const options = { seed: 1, processCount: 3, seconds: 5 };
  const error = t.throws(() => simulateStrict({ ...options, schedule: 'no-such' }));
  t.regex(error.message, /there is no schedule "no-such"; there are: new-then-old, /);
});

test('there are faults with schedules, and every schedule shows one', (t) => {
  const shown = new Set(DELIBERATE_FAULTS.map(({ schedule }) => schedule));
  for (const { name } of SCHEDULES) t.true(shown.has(name), name);
});

for (const { name, text, processCount, runs, schedule = null } of FAULTS_HERE) {
  test.serial(`it finds out: ${text}`, async (t) => {
    t.timeout(TEST_HANG_MS);
    const options = { ...COMMON, processCount, inject: name, failuresMax: 1, schedule };
    const result = await runPart(options, 1, runs, () => undefined);
    t.log(result.failures[0]);
    t.is(result.failures.length, 1);
  });
}

test('a sector says which write it is of, and a mixed one says nothing', (t) => {
  const [one, other] = [writeNameOf(3, 7), writeNameOf(1_000, 4_000_000)];
  const data = dataOf(one, 3, other);
  if (data === 'zeros') return t.fail();
  t.is(nameIn(data, 2), one);
  t.is(nameIn(dataOf(other, 1), 0), other);
  t.is(nameIn('zeros', 5), ZEROS);
  t.is(nameIn(new Uint8Array(4_096), 0), ZEROS);
  t.is(nameIn(data.subarray(8), 0), DAMAGED);
  data[4_096 + 2_000] ^= 1;
  t.deepEqual([nameIn(data, 0), nameIn(data, 1)], [one, DAMAGED]);
});
