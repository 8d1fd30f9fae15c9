import test from 'ava';
import { OPERATION_ID_SIZE_BYTES } from '../../src/core/operation.js';
import { systemRandom } from '../../src/shell/systemRandom.js';

test('operation ids have 16 bytes and are all different', (t) => {
  const random = systemRandom();
  const ids = Array.from({ length: 10_000 }, () => random.operationId());
  t.is(new Set(ids).size, ids.length);
  for (const id of ids) {
    t.is(id.length, OPERATION_ID_SIZE_BYTES);
    t.is(Buffer.from(id, 'latin1').length, OPERATION_ID_SIZE_BYTES);
  }
});

test('fractions are in [0, 1) and spread over it', (t) => {
  const random = systemRandom();
  const tenths = Array.from({ length: 10 }, () => 0);
  for (let n = 0; n < 10_000; n += 1) {
    const fraction = random.fraction();
    t.true(fraction >= 0 && fraction < 1);
    tenths[Math.floor(fraction * 10)] += 1;
  }
  for (const count of tenths) t.true(count > 700 && count < 1300, String(tenths));
});
