import test from 'ava';
import fc from 'fast-check';
import { backoffMs, jitteredBackoffMs } from '../../src/core/backoff.js';

const BACKOFF = { firstMs: 50, maxMs: 2_000 };

test('the pause doubles, up to the longest, however many attempts fail', (t) => {
  const pauses = [0, 1, 2, 5, 6, 7, 2_000].map((failures) => backoffMs(failures, BACKOFF));
  t.deepEqual(pauses, [50, 100, 200, 1_600, 2_000, 2_000, 2_000]);
});

test('jitter takes up to half of it', (t) => {
  fc.assert(
    fc.property(fc.nat(2_000), fc.double({ min: 0, max: 1, noNaN: true }), (failures, fraction) => {
      const whole = backoffMs(failures, BACKOFF);
      const jittered = jitteredBackoffMs(failures, BACKOFF, fraction);
      t.true(jittered >= whole / 2 && jittered <= whole);
    }),
  );
});
