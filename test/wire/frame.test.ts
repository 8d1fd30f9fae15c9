/** The frame decoder: docs/wire-protocol.md, "Bad input", at any split of the bytes. */
import { fc, testProp } from '@fast-check/ava';
import test from 'ava';
import type { FrameDecoder } from '../../src/wire/frame.js';
import { createFrameDecoder } from '../../src/wire/frame.js';
import { CLIENT_MESSAGES, PEER_MESSAGES, SERVER_MESSAGES } from '../../src/wire/messageTypes.js';
import { baseTypes } from './baseTypes.js';
import { SIZE_BUNDLE_MAX, SIZE_PROCESS_DATA } from '../../src/wire/constants.js';
import { decodeSlowly } from '../helpers/slowDecoder.js';
import { CLIENT_KEY, MESSAGES, SYSTEM_KEY, noise } from './messages.js';

const NAMES = Object.keys(MESSAGES);

function framesOf(decoder: FrameDecoder, chunks: Iterable<Uint8Array>): Buffer[] {
  const frames: Buffer[] = [];
  for (const chunk of chunks) {
    for (const { bytes } of decoder.push(chunk)) frames.push(Buffer.from(bytes));
  }
  return frames;
}

function* cut(bytes: Buffer, sizes: readonly number[]): Generator<Buffer> {
  let at = 0;
  for (let index = 0; at < bytes.length; index += 1) {
    const size = Math.max(1, sizes[index % sizes.length]);
    // A copy: a decoder that kept a view into a chunk would be found out when it is overwritten.
    const chunk = Buffer.from(bytes.subarray(at, at + size));
    yield chunk;
    at += size;
  }
}

/** What the page says, done naively on all the bytes at once. */
const framesByThePage = (bytes: Buffer): Buffer[] =>
  decodeSlowly(bytes, 'server', { clientKey: CLIENT_KEY, systemKey: SYSTEM_KEY }).flatMap((item) =>
    item.kind === 'message' ? [item.bytes] : [],
  );

test('every message comes out whole when it goes in one byte at a time', (t) => {
  for (const [name, message] of Object.entries(MESSAGES)) {
    const frames = framesOf(createFrameDecoder(SERVER_MESSAGES), cut(message, [1]));
    t.deepEqual(frames, [message], name);
  }
});

test('every message comes out whole at each place where it can be cut in two', (t) => {
  for (const [name, message] of Object.entries(MESSAGES)) {
    for (let at = 1; at < message.length; at += 1) {
      const decoder = createFrameDecoder(SERVER_MESSAGES);
      const frames = framesOf(decoder, [message.subarray(0, at), message.subarray(at)]);
      if (frames.length !== 1 || !frames[0].equals(message)) t.fail(`${name} cut at ${at}`);
      t.is(decoder.pendingBytes, 0);
    }
  }
});

/** Messages, noise, beginnings of messages, unknown types, in any order. */
const pieces = fc.array(
  fc.oneof(
    fc.constantFrom(...NAMES).map((name) => MESSAGES[name]),
    fc.nat(200).map(noise),
    fc.tuple(fc.constantFrom(...NAMES), fc.nat(70)).map(([name, n]) => MESSAGES[name].subarray(0, n)),
    fc.nat(255).map((type) => Buffer.from([0x61, 0x74, 0x64, 0x64, 1, 2, 3, type])),
    fc.constant(Buffer.from('atatdatdatddatdd', 'latin1')),
  ),
  { maxLength: 12 },
);

testProp(
  'any bytes at any split give what the page says',
  [pieces, fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 20 })],
  (t, parts, sizes) => {
    const bytes = Buffer.concat(parts);
    const frames = framesOf(createFrameDecoder(baseTypes(SERVER_MESSAGES)), cut(bytes, sizes));
    t.deepEqual(frames, framesByThePage(bytes));
  },
  { numRuns: 400 },
);

test('what is kept of an incomplete message is bounded by the longest message', (t) => {
  const plain = createFrameDecoder(baseTypes(SERVER_MESSAGES));
  const extended = createFrameDecoder(SERVER_MESSAGES);
  for (let round = 0; round < 2000; round += 1) {
    const bytes = noise(997);
    plain.push(bytes);
    t.true(plain.pendingBytes < SIZE_PROCESS_DATA);
    extended.push(bytes);
    t.true(extended.pendingBytes < SIZE_BUNDLE_MAX);
  }
});

test('a frame does not change when the next bytes come', (t) => {
  const decoder = createFrameDecoder(SERVER_MESSAGES);
  const { READ_PROC, ACK } = MESSAGES;
  decoder.push(READ_PROC.subarray(0, 30));
  const [frame] = decoder.push(READ_PROC.subarray(30));
  decoder.push(ACK.subarray(0, 50));
  decoder.push(ACK.subarray(50));
  t.deepEqual(Buffer.from(frame.bytes), READ_PROC);
});

test('a peer connection takes no client requests, a client takes responses only', (t) => {
  const bytes = Buffer.concat(Object.values(MESSAGES));
  const names = (table: typeof PEER_MESSAGES) =>
    createFrameDecoder(table)
      .push(bytes)
      .map(({ type }) => type.name);
  t.deepEqual(names(PEER_MESSAGES), NAMES.slice(2));
  t.deepEqual(names(CLIENT_MESSAGES), []);
});
