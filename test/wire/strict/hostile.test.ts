/** Packs with right tags and wrong content: each is refused as a whole, with a reason in words. */
import { fc, testProp } from '@fast-check/ava';
import test from 'ava';
import { PEER_MESSAGES } from '../../../src/wire/messageTypes.js';
import { PACK_MESSAGES_MAX } from '../../../src/wire/strict/layout.js';
import { Packer, SENDER_CLIENT } from '../../../src/wire/strict/pack.js';
import type { ReplicaRequest } from '../../../src/core/strict/replicaMessage.js';
import type { NumberedAnswer } from '../../../src/wire/strict/answers.js';
import { LIMITS, answer, request } from './arbitraries.js';
import { clientTagger, signed, systemTagger, verdictsOn } from './received.js';

const ofClient = new Packer(SENDER_CLIENT, clientTagger);
const ofPeer = new Packer(2, systemTagger);
const INCARNATIONS = [0, 1, 255, 2, 3];
const STAMP = { counter: 5n, coordinator: 'sixteen letters.' };
const LATER = { counter: 6n, coordinator: 'sixteen letters.' };
const range = { first: 256, count: 2 };

type Change = (bytes: Buffer) => void;

/** Where the first message of a pack of requests begins, and of one of answers. */
const REQUEST_AT = 16;
const ANSWER_AT = 32;

function detailOf(bytes: Uint8Array): string {
  const verdicts = verdictsOn(bytes);
  if (verdicts.length !== 1) return `${verdicts.length} verdicts`;
  const [verdict] = verdicts;
  if (verdict.kind !== 'dropped') return verdict.kind;
  return verdict.reason === 'invalidContent' ? (verdict.detail ?? 'no detail') : verdict.reason;
}

const requestWith = (content: ReplicaRequest, change: Change): string => {
  const bytes = Buffer.concat(ofClient.packRequests([{ number: 1, request: content }]));
  change(bytes);
  return detailOf(signed(bytes));
};

const answerWith = (content: NumberedAnswer['answer'], change: Change): string => {
  const bytes = Buffer.concat(ofPeer.packAnswers(INCARNATIONS, [{ number: 1, range, answer: content }]));
  change(bytes);
  return detailOf(signed(bytes, systemTagger));
};

const nothing: Change = () => undefined;
const u8 =
  (at: number, value: number): Change =>
  (bytes) =>
    void bytes.writeUInt8(value, at);
const u16 =
  (at: number, value: number): Change =>
  (bytes) =>
    void bytes.writeUInt16BE(value, at);
const u32 =
  (at: number, value: number): Change =>
  (bytes) =>
    void bytes.writeUInt32BE(value, at);
const u64 =
  (at: number, value: bigint): Change =>
  (bytes) =>
    void bytes.writeBigUInt64BE(value, at);

const QUERY: ReplicaRequest = { kind: 'query', range, wantsData: false };
const ORDER: ReplicaRequest = { kind: 'order', range, stamp: STAMP, wants: 'data' };
const STORE: ReplicaRequest = { kind: 'store', range, stamp: LATER, origin: STAMP, data: 'zeros' };
const LEARN: ReplicaRequest = { ...STORE, kind: 'learn', data: 'zeros' };
const CONCLUDED: ReplicaRequest = { kind: 'concluded', range, stamp: STAMP, lacking: [2, 4] };

const LIST: ReplicaRequest = { kind: 'list', range: { first: 256, count: 1 } };

test('requests as they should be are taken', (t) => {
  for (const content of [QUERY, ORDER, STORE, LEARN, CONCLUDED, LIST]) t.is(requestWith(content, nothing), 'pack');
});

test('ranges past the end, across extents, of no sector or too many', (t) => {
  const at = REQUEST_AT;
  const firstAt = at + 16;
  const countAt = at + 2;
  const rangeIs = (first: number, count: number): string =>
    requestWith(QUERY, (bytes) => {
      u64(firstAt, BigInt(first))(bytes);
      u16(countAt, count)(bytes);
    });
  t.is(rangeIs(LIMITS.sectors - 1, 1), 'pack');
  t.is(rangeIs(LIMITS.sectors - 1, 2), 'a range has 2 sectors from 1999 on, and the disk has 2000');
  t.is(rangeIs(2 ** 53 - 1, 1), `a range has 1 sectors from ${2 ** 53 - 1} on, and the disk has 2000`);
  t.regex(
    requestWith(QUERY, u64(firstAt, 2n ** 64n - 1n)),
    /^a range has 2 sectors from 18446744073709552000 on, and the d/,
  );
  t.is(rangeIs(256, 256), 'pack');
  t.is(rangeIs(257, 256), 'a range has 256 sectors from 257 on, and crosses a multiple of 256');
  t.is(rangeIs(255, 2), 'a range has 2 sectors from 255 on, and crosses a multiple of 256');
  t.is(rangeIs(256, 0), 'a range has 0 sectors from 256 on, and must have 1 to 256');
  t.is(rangeIs(256, 257), 'a range has 257 sectors from 256 on, and must have 1 to 256');
});

test('counters near the end of their range, and stamps that no attempt has', (t) => {
  const counterAt = REQUEST_AT + 24;
  t.is(requestWith(ORDER, u64(counterAt, 2n ** 63n - 1n)), 'pack');
  t.is(requestWith(ORDER, u64(counterAt, 2n ** 63n)), 'a counter is 9223372036854775808, and must be below 2^63');
  t.regex(requestWith(ORDER, u64(counterAt, 2n ** 64n - 1n)), /^a counter is 18446744073709551615, and/);
  t.is(requestWith(ORDER, u64(counterAt, 0n)), 'a counter of 0 has a coordinator');
  t.is(
    requestWith(ORDER, (bytes) => bytes.fill(0, counterAt, counterAt + 24)),
    'the stamp of an attempt has the counter 0',
  );
  t.is(requestWith(STORE, u64(counterAt, 4n)), 'the origin 5 is after the stamp 4');
  t.is(requestWith(LEARN, u64(counterAt, 4n)), 'the origin 5 is after the stamp 4');
  t.regex(requestWith(STORE, u64(counterAt + 24, 2n ** 63n)), /^a counter is 9223372036854775808/);
  t.is(
    requestWith(STORE, (bytes) => bytes.fill(0, counterAt + 24, counterAt + 48)),
    'pack',
    'what is settled first',
  );
});

test('kinds, flags, lengths and numbers that there are not', (t) => {
  const at = REQUEST_AT;
  t.is(requestWith(QUERY, u8(at, 7)), 'there is no request of the kind 7');
  t.is(requestWith(QUERY, u8(at, 0x41)), 'there is no request of the kind 65', 'an answer');
  t.is(requestWith(QUERY, u8(at + 1, 2)), 'QUERY has the flags 2, which are unknown');
  t.is(requestWith(ORDER, u8(at + 1, 3)), 'ORDER has the flags 3, which are unknown');
  t.is(requestWith(STORE, u8(at + 1, 3)), 'STORE has the flags 3, which are unknown');
  t.is(requestWith(LEARN, u8(at + 1, 2)), 'LEARN has the flags 2, which are unknown');
  t.is(requestWith(STORE, u8(at + 1, 0)), 'STORE has a payload of 48 bytes, and should have 8240');
  t.is(requestWith(STORE, u8(at + 1, 2)), 'STORE has a payload of 48 bytes, and should have 72');
  t.is(requestWith(ORDER, u32(at + 4, 16)), 'ORDER has a payload of 16 bytes, and should have 24');
  t.is(requestWith(ORDER, u32(at + 4, 23)), 'a payload has 23 bytes, which is no multiple of 8');
  t.regex(requestWith(ORDER, u32(at + 4, 2 ** 32 - 8)), /^a message is cut off: 4294967288 bytes should follow/);
  t.is(requestWith(QUERY, u64(at + 8, 2n ** 53n - 1n)), 'pack');
  t.is(requestWith(QUERY, u64(at + 8, 2n ** 53n)), 'a request number is 2^53 or more');
});

test('ranks that lack what is concluded: members, each once', (t) => {
  const ranksAt = REQUEST_AT + 48;
  t.is(requestWith(CONCLUDED, u8(ranksAt, 0)), 'CONCLUDED names rank 0 behind 0; ranks go up to 5');
  t.is(requestWith(CONCLUDED, u8(ranksAt + 1, 6)), 'CONCLUDED names rank 6 behind 2; ranks go up to 5');
  t.is(requestWith(CONCLUDED, u8(ranksAt + 1, 2)), 'CONCLUDED names rank 2 behind 2; ranks go up to 5');
  t.is(requestWith(CONCLUDED, u8(ranksAt + 2, 1)), 'the padding of CONCLUDED is not zeros');
  t.is(requestWith(CONCLUDED, u8(REQUEST_AT + 1, 9)), 'CONCLUDED has a payload of 32 bytes, and should have 40');
});

test('what is cut off, and what is behind the last message', (t) => {
  const bytes = Buffer.concat(ofClient.packRequests([{ number: 1, request: ORDER }]));
  t.is(bytes.length, 96, '16 + 48 + tag');
  const shorter = Buffer.concat([bytes.subarray(0, 32), bytes.subarray(64)]);
  shorter.writeUInt16BE(2, 4);
  t.is(detailOf(signed(shorter)), 'a message is cut off: 24 bytes should follow, and 16 are there');
  const longer = Buffer.concat([bytes.subarray(0, 64), Buffer.alloc(32), bytes.subarray(64)]);
  longer.writeUInt16BE(4, 4);
  t.is(detailOf(signed(longer)), '32 bytes behind the last message of a pack are no padding');
  t.is(requestWith(QUERY, u8(REQUEST_AT + 24 + 7, 1)), '24 bytes behind the last message of a pack are no padding');
  t.is(requestWith(QUERY, u8(9, 1)), 'the padding of the head of a pack is not zeros');
});

test('no pack has such a length, so it begins no message', (t) => {
  for (const units of [0, 1]) {
    const bytes = Buffer.concat(ofClient.packRequests([{ number: 1, request: ORDER }]));
    bytes.writeUInt16BE(units, 4);
    t.deepEqual(verdictsOn(signed(bytes)), [], String(units));
  }
});

test('a pack of more messages than one may have', (t) => {
  const head = ofClient.packRequests([{ number: 1, request: QUERY }])[0];
  const many = Buffer.alloc(Math.ceil((16 + (PACK_MESSAGES_MAX + 1) * 24 + 32) / 32) * 32);
  many.set(head.subarray(0, 16));
  many.writeUInt16BE(many.length / 32, 4);
  for (let index = 0; index <= PACK_MESSAGES_MAX; index += 1) many.set(head.subarray(16, 40), 16 + index * 24);
  t.is(detailOf(signed(many)), 'a pack has more than 4096 messages');
});

test('runs that do not add up', (t) => {
  const runAt = ANSWER_AT + 24;
  const stored = {
    kind: 'stored',
    runs: [
      { outcome: 'stored', count: 1 },
      { outcome: 'full', count: 1 },
    ],
  } as const;
  t.is(answerWith(stored, nothing), 'pack');
  t.is(answerWith(stored, u16(runAt, 2)), 'a run of STORED has 1 sectors, which makes 3 of 2');
  t.is(answerWith(stored, u16(runAt, 0)), 'a run of STORED has 0 sectors, which makes 0 of 2');
  t.is(answerWith(stored, u16(runAt, 0xffff)), 'a run of STORED has 65535 sectors, which makes 65535 of 2');
  t.is(answerWith(stored, u32(ANSWER_AT + 4, 8)), 'the runs of STORED are 1 sectors, and should be 2');
  t.is(answerWith(stored, u32(ANSWER_AT + 4, 0)), 'the runs of STORED are 0 sectors, and should be 2');
  t.is(answerWith(stored, u8(runAt + 2, 4)), 'a run of STORED has the flags 4, which are unknown');
  t.is(answerWith(stored, u8(runAt + 7, 4)), 'the padding of a run of STORED is not zeros');
  t.is(answerWith(stored, u8(ANSWER_AT + 1, 1)), 'STORED has the flags 1, which are unknown');
  t.regex(answerWith(stored, u8(runAt + 10, 1)), /^a message is cut off: 24 bytes should follow, and 0/);
  t.is(answerWith(stored, u8(ANSWER_AT, 1)), 'there is no answer of the kind 1', 'a request');
});

test('lists that begin in an extent, and answers that are none', (t) => {
  const at = REQUEST_AT;
  const several = 'LIST is about sector 256, which begins no extent, or about several';
  t.is(requestWith(LIST, u16(at + 2, 2)), several);
  t.is(requestWith(LIST, u64(at + 16, 257n)), several.replace('256', '257'));
  t.is(requestWith(LIST, u8(at + 1, 1)), 'LIST has the flags 1, which are unknown');
  t.is(requestWith({ ...ORDER, wants: 'nothing' }, u8(at, 6)), 'LIST has a payload of 24 bytes, and should have 0');
  const extents = [1, 3].map((extent) => ({ extent, digest: 5n }));
  const listed = { kind: 'listed', next: 1_024, extents } as const;
  const nextAt = ANSWER_AT + 24;
  const wrong = (extent: string, least: number, next = '1024'): string =>
    `LISTED has extent ${extent} where one from ${least} on should be, before sector ${next}`;
  t.is(answerWith(listed, nothing), 'pack');
  t.is(answerWith(listed, u64(nextAt, 0n)), 'pack', 'to the end');
  t.is(answerWith(listed, u64(nextAt, 256n)), 'LISTED of sector 256 goes on at sector 256');
  t.is(answerWith(listed, u64(nextAt, 1_025n)), 'LISTED of sector 256 goes on at sector 1025');
  t.is(answerWith(listed, u64(nextAt, 768n)), wrong('3', 2, '768'));
  t.is(answerWith(listed, u64(nextAt + 8, 0n)), wrong('0', 1));
  t.is(answerWith(listed, u64(nextAt + 8, 3n)), wrong('3', 4));
  t.is(answerWith({ ...listed, next: null }, u64(nextAt + 24, 2n ** 53n - 1n)), wrong(`${2 ** 53 - 1}`, 2, 'null'));
  t.is(answerWith(listed, u8(ANSWER_AT + 1, 1)), 'LISTED has the flags 1, which are unknown');
  t.regex(answerWith(listed, u32(ANSWER_AT + 4, 32)), /^LISTED has 24 bytes of extents of 16, at most 64/);
  t.regex(answerWith(listed, u32(ANSWER_AT + 4, 0)), /^a message is cut off: 8 bytes should follow, and 0/);
  const many = Array.from({ length: 65 }, (_, index) => ({ extent: index + 1, digest: 1n }));
  t.regex(answerWith({ kind: 'listed', next: null, extents: many }, nothing), /^LISTED has 1040 bytes of extents/);
});

test('answers that contradict themselves', (t) => {
  const version = { stamp: LATER, origin: STAMP };
  const state = { kind: 'state', runs: [{ count: 2, version, promised: LATER, data: null }] } as const;
  const stampAt = ANSWER_AT + 24 + 8;
  const flagsAt = ANSWER_AT + 24 + 2;
  t.is(answerWith(state, nothing), 'pack');
  t.is(answerWith(state, u64(stampAt, 4n)), 'the origin 5 is after the stamp 4');
  t.is(answerWith(state, u8(flagsAt, 8)), 'the promise 5 is before the stamp 6');
  t.is(answerWith(state, u8(flagsAt, 16)), 'a run of STATE has the flags 16, which are unknown');
  t.regex(answerWith(state, u8(flagsAt, 5)), /^a message is cut off: 8240 bytes should follow, and 48 are there/);
  t.regex(answerWith(state, u64(stampAt, 2n ** 63n)), /^a counter is/);
  const ordered = { kind: 'ordered', runs: [{ outcome: 'granted', count: 2, version, data: null }] } as const;
  t.is(answerWith(ordered, nothing), 'pack');
  for (const flags of [1, 2, 3, 4, 8, 24, 32, 41, 56, 64, 144]) {
    t.is(answerWith(ordered, u8(flagsAt, flags)), `a run of ORDERED has the flags ${flags}, which are unknown`);
  }
});

test('incarnations: of all processes, and none that there is not', (t) => {
  const stored = { kind: 'stored', runs: [{ outcome: 'stored', count: 2 }] } as const;
  t.is(answerWith(stored, u16(18, 256)), 'an incarnation is 256, and at most 255');
  t.is(answerWith(stored, u8(8, 4)), 'a pack has 4 incarnations, and the cluster has 5 processes');
  t.is(answerWith(stored, u8(8, 255)), 'a pack has 255 incarnations, and the cluster has 5 processes');
  t.is(answerWith(stored, u8(16 + 10, 1)), 'the padding of the head of a pack is not zeros');
  t.regex(requestWith(QUERY, u8(8, 5)), /^an incarnation is|^the padding|^a message is cut off|^there is no answer/);
});

test('a wrong tag, a stranger, answers of a client, and each key for its own', (t) => {
  const [pack] = ofClient.packRequests([{ number: 1, request: ORDER }]);
  for (let at = 8; at < pack.length; at += 5) {
    const spoilt = Buffer.from(pack);
    spoilt[at] ^= 1;
    t.is(detailOf(spoilt), 'badTag', `byte ${at}`);
  }
  t.is(detailOf(Buffer.concat(new Packer(2, clientTagger).packRequests([{ number: 1, request: ORDER }]))), 'badTag');
  t.is(detailOf(Buffer.concat(new Packer(0, systemTagger).packRequests([{ number: 1, request: ORDER }]))), 'badTag');
  for (const rank of [1, 6, 255]) {
    const [strange] = new Packer(rank, systemTagger).packRequests([{ number: 1, request: ORDER }]);
    t.is(detailOf(strange), 'unknownSender', String(rank));
  }
  const stored = { kind: 'stored', runs: [{ outcome: 'stored', count: 2 }] } as const;
  const [answers] = new Packer(0, clientTagger).packAnswers(INCARNATIONS, [{ number: 1, range, answer: stored }]);
  t.is(detailOf(answers), 'a client has sent answers');
});

testProp(
  'no bytes in a pack do any harm, signed or not, and what is refused is refused with a reason',
  [
    fc.oneof(
      fc.array(request, { minLength: 1, maxLength: 4 }).map((all) => ofPeer.packRequests(all)),
      fc.array(answer, { minLength: 1, maxLength: 4 }).map((all) => ofPeer.packAnswers(INCARNATIONS, all)),
    ),
    // Most of the bytes that are not data are near the beginning.
    fc.array(fc.tuple(fc.oneof(fc.nat(200), fc.nat(2 ** 21)), fc.nat(255)), { maxLength: 8 }),
    fc.boolean(),
  ],
  (t, pieces, changes, isSigned) => {
    const bytes = Buffer.concat(pieces);
    for (const [at, byte] of changes) {
      const place = at % (bytes.length - 32);
      if (place >= 8) bytes[place] = byte;
    }
    if (isSigned) systemTagger.sign(bytes);
    for (const verdict of verdictsOn(bytes, PEER_MESSAGES)) {
      if (verdict.kind === 'pack') continue;
      if (verdict.kind !== 'dropped') throw new Error(verdict.kind);
      const isNamed = verdict.reason === 'badTag' || (verdict.detail ?? '') !== '';
      t.true(isNamed, JSON.stringify(verdict));
    }
    t.pass();
  },
  { numRuns: 150 },
);
