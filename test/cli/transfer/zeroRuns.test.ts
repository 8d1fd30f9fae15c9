/** Where data is zeros. */
import test from 'ava';
import { runsOf } from '../../../src/cli/transfer/zeroRuns.js';

const shape = (data: Uint8Array) => runsOf(data).map(({ from, to, isZero }) => [from, to, isZero]);

test('runs of whole sectors, the last of which may be a part', (t) => {
  const data = Buffer.alloc(5 * 4096 + 100);
  t.deepEqual(shape(data), [[0, data.length, true]]);
  data[2 * 4096 - 1] = 1;
  data[2 * 4096] = 1;
  t.deepEqual(shape(data), [
    [0, 4096, true],
    [4096, 3 * 4096, false],
    [3 * 4096, data.length, true],
  ]);
  data[data.length - 1] = 1;
  t.deepEqual(shape(data).at(-1), [5 * 4096, data.length, false]);
  t.deepEqual(shape(Buffer.alloc(0)), []);
});
