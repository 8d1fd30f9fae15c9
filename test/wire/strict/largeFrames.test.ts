/** Frames above 64 KiB: taken in whole, however they are cut, and only from those who may send them. */
import { fc, testProp } from '@fast-check/ava';
import test from 'ava';
import { createFrameDecoder } from '../../../src/wire/frame.js';
import { SERVER_MESSAGES } from '../../../src/wire/messageTypes.js';
import { SIZE_FRAME_UNPROVEN_MAX } from '../../../src/wire/constants.js';
import { SIZE_PACK_MAX } from '../../../src/wire/strict/layout.js';
import { Packer, SENDER_CLIENT } from '../../../src/wire/strict/pack.js';
import { MESSAGES } from '../messages.js';
import { dataOf } from './arbitraries.js';
import { clientTagger } from './received.js';

const packOf = (count: number): Buffer => {
  const stamp = { counter: 1n, coordinator: 'sixteen letters.' };
  const range = { first: 0, count };
  const request = { kind: 'store', range, stamp, origin: stamp, data: dataOf(count) } as const;
  return Buffer.concat(new Packer(SENDER_CLIENT, clientTagger).packRequests([{ number: 1, request }]));
};

testProp(
  'a large frame comes out as it was at any split of the bytes, with messages around it',
  [fc.array(fc.integer({ min: 1, max: 70_000 }), { minLength: 1, maxLength: 12 }), fc.integer({ min: 16, max: 256 })],
  (t, sizes, count) => {
    const { READ, WRITE } = MESSAGES;
    const expected = [READ, packOf(count), WRITE, packOf(1)];
    const bytes = Buffer.concat(expected);
    const decoder = createFrameDecoder(SERVER_MESSAGES, () => SIZE_PACK_MAX);
    const frames: Uint8Array[] = [];
    for (let at = 0, index = 0; at < bytes.length; index += 1) {
      const size = Math.max(64, sizes[index % sizes.length]);
      frames.push(...decoder.push(bytes.subarray(at, at + size)).map((frame) => frame.bytes));
      at += size;
    }
    t.is(frames.length, expected.length);
    t.true(frames.every((frame, index) => expected[index].equals(frame)));
    t.is(decoder.pendingBytes, 0);
  },
  { numRuns: 30 },
);

test('a stranger has no memory for a large frame, and what follows it is taken in', (t) => {
  const decoder = createFrameDecoder(SERVER_MESSAGES);
  const large = packOf(256);
  let pendingMax = 0;
  for (let at = 0; at < large.length; at += 1_000) {
    t.deepEqual(decoder.push(large.subarray(at, at + 1_000)), []);
    pendingMax = Math.max(pendingMax, decoder.pendingBytes);
  }
  t.true(pendingMax < SIZE_FRAME_UNPROVEN_MAX, String(pendingMax));
  t.deepEqual(
    decoder.push(MESSAGES.READ).map(({ type }) => type.name),
    ['READ'],
  );
  const longest = packOf(15);
  t.true(longest.length > SIZE_FRAME_UNPROVEN_MAX - 4096 && longest.length <= SIZE_FRAME_UNPROVEN_MAX);
  t.is(decoder.push(longest).length, 1);
});

test('a connection may be allowed large frames later on', (t) => {
  let sizeMax = SIZE_FRAME_UNPROVEN_MAX;
  const decoder = createFrameDecoder(SERVER_MESSAGES, () => sizeMax);
  const large = packOf(64);
  t.deepEqual(decoder.push(large), []);
  sizeMax = SIZE_PACK_MAX;
  t.deepEqual(
    decoder.push(large).map(({ bytes }) => bytes.length),
    [large.length],
  );
});
