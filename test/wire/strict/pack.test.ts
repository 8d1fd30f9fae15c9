/** PACK: what is sent is what is received, in as few packs as possible; and its bytes as docs/strict-wire.md says. */
import { fc, testProp } from '@fast-check/ava';
import test from 'ava';
import { createFrameDecoder } from '../../../src/wire/frame.js';
import { PEER_MESSAGES, SERVER_MESSAGES } from '../../../src/wire/messageTypes.js';
import type { NumberedAnswer } from '../../../src/wire/strict/answers.js';
import { PACK_MESSAGES_MAX, SIZE_PACK_MAX } from '../../../src/wire/strict/layout.js';
import { Packer, SENDER_CLIENT } from '../../../src/wire/strict/pack.js';
import type { NumberedRequest } from '../../../src/wire/strict/requests.js';
import type { Verdict } from '../../../src/wire/verdict.js';
import { answer, dataOf, request } from './arbitraries.js';
import { clientTagger, framesIn, systemTagger, verdictsOn } from './received.js';

const ofClient = new Packer(SENDER_CLIENT, clientTagger);
const ofPeer = new Packer(2, systemTagger);
const INCARNATIONS = [0, 1, 255, 2, 3];

/** ava's comparison takes a Buffer and a Uint8Array for different things. */
const plain = (value: unknown): unknown => {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, plain(field)]));
};

const requestsIn = (verdicts: readonly Verdict[], sender: number): NumberedRequest[] =>
  verdicts.flatMap((verdict) => {
    if (verdict.kind !== 'pack' || verdict.sender !== sender || verdict.content.kind !== 'requests') {
      throw new Error(JSON.stringify(verdict));
    }
    return verdict.content.requests;
  });

const answersIn = (verdicts: readonly Verdict[]): NumberedAnswer[] =>
  verdicts.flatMap((verdict) => {
    if (verdict.kind !== 'pack' || verdict.sender !== 2 || verdict.content.kind !== 'answers') {
      throw new Error(JSON.stringify(verdict));
    }
    if (verdict.content.incarnations.join() !== INCARNATIONS.join()) throw new Error('incarnations');
    return verdict.content.answers;
  });

testProp(
  'requests come out as they were, from clients and from peers',
  [fc.array(request, { maxLength: 8 })],
  (t, requests) => {
    const ofClientBytes = Buffer.concat(ofClient.packRequests(requests));
    t.deepEqual(plain(requestsIn(verdictsOn(ofClientBytes), SENDER_CLIENT)), plain(requests));
    const ofPeerBytes = Buffer.concat(ofPeer.packRequests(requests));
    t.deepEqual(plain(requestsIn(verdictsOn(ofPeerBytes, PEER_MESSAGES), 2)), plain(requests));
  },
  { numRuns: 60 },
);

testProp(
  'answers come out as they were, with the incarnations of all',
  [fc.array(answer, { maxLength: 8 })],
  (t, answers) => {
    const bytes = Buffer.concat(ofPeer.packAnswers(INCARNATIONS, answers));
    t.deepEqual(plain(answersIn(verdictsOn(bytes, PEER_MESSAGES))), plain(answers));
  },
  { numRuns: 60 },
);

test('the bytes of a pack of requests', (t) => {
  const stamp = { counter: 0x0102030405060708n, coordinator: 'sixteen letters.' };
  const bytes = Buffer.concat(
    ofClient.packRequests([
      { number: 2 ** 53 - 1, request: { kind: 'query', range: { first: 256, count: 3 }, wantsData: true } },
      { number: 7, request: { kind: 'order', range: { first: 0, count: 256 }, stamp, wants: 'versions' } },
      { number: 8, request: { kind: 'concluded', range: { first: 1, count: 1 }, stamp, lacking: [3, 2] } },
    ]),
  );
  const stampBytes = `0102030405060708${Buffer.from('sixteen letters.').toString('hex')}`;
  const expected = [
    '61746464 0006 00 a0 00 00000000000000',
    '01 01 0003 00000000 001fffffffffffff 0000000000000100',
    `02 01 0100 00000018 0000000000000007 0000000000000000 ${stampBytes}`,
    `05 02 0001 00000020 0000000000000008 0000000000000001 ${stampBytes} 0203000000000000`,
  ];
  const hex = expected.join('').replaceAll(' ', '');
  const unpadded = hex.length / 2;
  t.is(unpadded, 144);
  t.is(bytes.length, 6 * 32);
  t.is(bytes.toString('hex', 0, unpadded), hex);
  t.is(bytes.toString('hex', unpadded, bytes.length - 32), '00'.repeat(16));
});

test('the bytes of a pack of answers', (t) => {
  const stamp = { counter: 5n, coordinator: '\u00ff'.repeat(16) };
  const origin = { counter: 4n, coordinator: 'sixteen letters.' };
  const [stampHex, originHex] = [`0000000000000005${'ff'.repeat(16)}`, `0000000000000004${hexOf('sixteen letters.')}`];
  const range = { first: 10, count: 4 };
  const bytes = Buffer.concat(
    ofPeer.packAnswers(INCARNATIONS, [
      {
        number: 1,
        range,
        answer: {
          kind: 'state',
          runs: [
            { count: 1, version: { stamp, origin }, promised: stamp, data: 'damaged' },
            { count: 3, version: { stamp: origin, origin }, promised: stamp, data: 'zeros' },
          ],
        },
      },
      {
        number: 2,
        range,
        answer: {
          kind: 'ordered',
          runs: [
            { outcome: 'granted', count: 1, version: null, data: null },
            { outcome: 'granted', count: 1, version: { stamp, origin }, data: null },
            { outcome: 'refused', count: 2, promised: stamp },
          ],
        },
      },
      {
        number: 3,
        range,
        answer: {
          kind: 'stored',
          runs: [
            { outcome: 'stored', count: 1 },
            { outcome: 'refused', count: 1, promised: stamp },
            { outcome: 'full', count: 1 },
            { outcome: 'lacks', count: 1 },
          ],
        },
      },
    ]),
  );
  const expected = [
    '61746464 000d 02 a0 05 00000000000000 0000000100ff00020003 000000000000',
    '41 00 0004 00000070 0000000000000001 000000000000000a',
    `0001 07 0000000000 ${stampHex} ${originHex}`,
    `0003 0a 0000000000 ${originHex} ${stampHex}`,
    '42 00 0004 00000060 0000000000000002 000000000000000a',
    `0001 00 0000000000 0001 14 0000000000 ${stampHex} ${originHex}`,
    `0002 28 0000000000 ${stampHex}`,
    '43 00 0004 00000038 0000000000000003 000000000000000a',
    `0001 00 0000000000 0001 01 0000000000 ${stampHex} 0001 02 0000000000 0001 03 0000000000`,
  ];
  const hex = expected.join('').replaceAll(' ', '');
  t.is(bytes.toString('hex', 0, hex.length / 2), hex);
  t.true(bytes.length - hex.length / 2 - 32 < 32);
});

const hexOf = (text: string): string => Buffer.from(text, 'latin1').toString('hex');

const stampOf = (counter: number) => ({ counter: BigInt(counter), coordinator: 'sixteen letters.' });

const storeOf = (number: number, count: number): NumberedRequest => ({
  number,
  request: {
    kind: 'store',
    range: { first: 0, count },
    stamp: stampOf(number + 1),
    origin: stampOf(number + 1),
    data: dataOf(count, number),
  },
});

test('a turn is as few packs as possible, and large data are not copied', (t) => {
  const large = Array.from({ length: 5 }, (_, number) => storeOf(number, 256));
  const pieces = ofClient.packRequests(large);
  for (const { request: content } of large) {
    if (content.kind !== 'store') throw new Error();
    t.true(pieces.some((piece) => piece === content.data));
  }
  const frames = framesIn(Buffer.concat(pieces));
  // One of 1 MiB and its head, and another, do not fit into one pack.
  t.is(frames.length, 5);
  t.true(frames.every(({ length }) => length <= SIZE_PACK_MAX));
  const small = Array.from({ length: 100 }, (_, number) => storeOf(number, 1));
  const together = ofClient.packRequests(small);
  t.is(together.length, 1, 'one piece, because small data are copied');
  t.deepEqual(plain(requestsIn(verdictsOn(together[0]), SENDER_CLIENT)), plain(small));
  const half = [storeOf(1, 255), storeOf(2, 200), storeOf(3, 50)];
  t.is(framesIn(Buffer.concat(ofClient.packRequests(half))).length, 1);
  t.deepEqual(ofClient.packRequests([]), []);
});

test('a pack has at most so many messages', (t) => {
  const query = (number: number): NumberedRequest => ({
    number,
    request: { kind: 'query', range: { first: number % 1_000, count: 1 }, wantsData: false },
  });
  const many = Array.from({ length: PACK_MESSAGES_MAX + 1 }, (_, number) => query(number));
  const bytes = Buffer.concat(ofClient.packRequests(many));
  t.is(framesIn(bytes).length, 2);
  t.deepEqual(requestsIn(verdictsOn(bytes), SENDER_CLIENT), many);
});

test('the longest answer that there is fits into a pack', (t) => {
  const runs = Array.from({ length: 256 }, (_, index) => ({
    count: 1,
    version: { stamp: stampOf(index + 2), origin: stampOf(index + 1) },
    promised: stampOf(index + 3),
    data: dataOf(1, index),
  }));
  const longest = { number: 1, range: { first: 512, count: 256 }, answer: { kind: 'state', runs } } as const;
  const bytes = Buffer.concat(ofPeer.packAnswers(INCARNATIONS, [longest, longest]));
  t.is(framesIn(bytes).length, 2);
  t.deepEqual(plain(answersIn(verdictsOn(bytes))), plain([longest, longest]));
});

test('data that are a large part of a frame with its own memory are views, others are copies', (t) => {
  const dataIn = (requests: readonly NumberedRequest[]) => {
    const bytes = Buffer.concat(ofClient.packRequests(requests));
    const decoder = createFrameDecoder(SERVER_MESSAGES, () => SIZE_PACK_MAX);
    // In chunks, as a socket gives them.
    const frames: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; at += 65_536) {
      frames.push(...decoder.push(bytes.subarray(at, at + 65_536)).map((frame) => frame.bytes));
    }
    const [verdict] = verdictsOn(frames[0]);
    return requestsIn([verdict], SENDER_CLIENT).map(({ request: content }) => {
      if (content.kind !== 'store' || !(content.data instanceof Uint8Array)) throw new Error();
      return content.data.buffer === frames[0].buffer ? 'view' : content.data.buffer.byteLength;
    });
  };
  t.deepEqual(dataIn([storeOf(1, 256), storeOf(2, 1)]), ['view', 4_096]);
  t.deepEqual(dataIn([storeOf(1, 8)]), [8 * 4_096], 'of a chunk');
});
