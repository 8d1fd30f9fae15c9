/** A failure is reduced to the faults that it takes. */
import test from 'ava';
import { runPart } from './parts.js';
import { shrink } from './search.js';
import { simulate } from './simulation.js';

test('faults that a failure does not need are left out', (t) => {
  // Nothing is wrong: what is looked for is that a process was killed at all.
  const options = { seed: 12, processCount: 3, seconds: 4 };
  const plan = simulate(options).plan;
  t.true(plan.length > 4);
  const needed = shrink(options, (result) => (result.counts.get('kill') ?? 0) > 0);
  t.is(needed.size, 1);
  const [number] = needed;
  t.is(plan.find((planned) => planned.number === number)?.fault.kind, 'kill');
});

test('a part of a search that breaks down says so', async (t) => {
  const options = {
    processCount: 3,
    seconds: 1,
    isBlackBox: false,
    isStrict: false,
    extension: null,
    workers: 0,
    inject: 'no such fault',
    only: null,
    failuresMax: 1,
  };
  await t.throwsAsync(
    runPart(options, 1, 1, () => undefined),
    { message: /there is no deliberate fault "no such fault"; there are: small-majority/ },
  );
});
