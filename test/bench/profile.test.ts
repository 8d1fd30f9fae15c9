import test from 'ava';
import type { CpuProfile } from './profile.js';
import { CATEGORIES, profileTable, summarise } from './profile.js';

const HERE = 'file:///somewhere/dist';
const RXJS = 'file:///somewhere/node_modules/rxjs/dist/cjs/internal/Subscriber.js';

/** Function, URL, parent, and the microseconds of each sample in it. */
const FRAMES: readonly (readonly [string, string, number | null, readonly number[]])[] = [
  ['(root)', '', null, []],
  ['(idle)', '', 0, [400, 100]],
  ['(garbage collector)', '', 0, [7]],
  ['(program)', '', 0, [3]],
  ['next', RXJS, 0, [11]],
  ['dispatch', `${HERE}/streams/pipelines/outbound.js`, 4, [13]],
  ['sign', `${HERE}/src/wire/tag.js`, 5, [17]],
  ['Hmac', 'node:internal/crypto/hash', 6, [19]],
  // Native functions and helpers are their callers'.
  ['digest', '', 7, [23]],
  ['subarray', 'node:buffer', 5, [29]],
  ['writev', '', 11, [31]],
  ['writevGeneric', 'node:internal/stream_base_commons', 0, [37]],
  ['crc32', 'node:zlib', 13, [41]],
  ['checksumOf', `${HERE}/src/store/checksum.js`, 0, [43]],
  ['fdatasync', 'node:fs', 13, [47]],
  ['reduce', `${HERE}/src/core/register/reduce.js`, 0, [53]],
  ['judge', `${HERE}/src/wire/verdict.js`, 0, [59]],
  ['begin', `${HERE}/src/client/dispatcher.js`, 0, [61]],
  ['decode', `${HERE}/src/nbd/request.js`, 0, [67]],
  ['put', 'file:///somewhere/node_modules/classic-level/index.js', 0, [71]],
  ['processTimers', 'node:internal/timers', 0, [73]],
  ['compile', 'node:internal/modules/cjs/loader', 0, [79]],
  ['main', `${HERE}/src/main.js`, 0, [83]],
  ['emit', 'node:events', 0, [89]],
];

function profileOf(): CpuProfile {
  const taken = FRAMES.flatMap(([, , , times], id) => times.map((us) => ({ id, us })));
  return {
    nodes: FRAMES.map(([functionName, url], id) => ({
      id,
      callFrame: { functionName, url },
      children: FRAMES.flatMap(([, , parent], child) => (parent === id ? [child] : [])),
    })),
    // A sample lasts until the next: the last one only ends what came before.
    samples: [...taken.map(({ id }) => id), 0],
    timeDeltas: [5, ...taken.map(({ us }) => us)],
  };
}

test('self time goes to the category of the code, of native functions to that of callers', (t) => {
  const { byCategory, idleUs, totalUs } = summarise(profileOf());
  t.is(idleUs, 500);
  t.deepEqual(Object.fromEntries(byCategory), {
    'HMAC, crypto': 17 + 19 + 23,
    sockets: 31 + 37,
    'store, files': 41 + 43 + 47 + 71,
    RxJS: 11,
    pipelines: 13 + 29,
    core: 53,
    wire: 59,
    client: 61,
    NBD: 67,
    'event loop, timers': 73,
    'garbage collection': 7,
    'native, unattributed': 3,
    startup: 79,
    rest: 83 + 89,
  });
  const sum = [...byCategory.values()].reduce((one, other) => one + other);
  t.is(sum, totalUs - idleUs);
});

test('the functions with the most self time come first', (t) => {
  const [first] = summarise(profileOf()).functions;
  t.deepEqual(first, { name: 'emit node:events', category: 'rest', selfUs: 89 });
});

test('the table has a line for each category, and they come to a hundred', (t) => {
  const [head, ...lines] = profileTable([{ name: 'one', summary: summarise(profileOf()) }]);
  t.deepEqual(head, ['% of busy time', 'one']);
  const shares = lines.slice(0, CATEGORIES.length).map(([, share]) => Number(share));
  const sum = shares.reduce((one, other) => one + other);
  t.true(Math.abs(sum - 100) < 0.1 * CATEGORIES.length, String(sum));
});

test('a sample of a node that is not there is refused', (t) => {
  const broken = { nodes: [], samples: [1, 1], timeDeltas: [0, 1] };
  t.throws(() => summarise(broken), { message: 'the profile has no node 1' });
});
