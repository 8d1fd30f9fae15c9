/** This implementation's own messages: docs/peer-extension.md. */
import test from 'ava';

import { fc, testProp } from '@fast-check/ava';
import type { Configuration } from '../../src/core/membership/configuration.js';
import type { Hello, MemberMessage } from '../../src/core/membership/memberMessage.js';
import { ENTRIES_MAX } from '../../src/core/membership/memberMessage.js';
import { INCARNATION_MAX } from '../../src/core/stamp.js';
import { createFrameDecoder } from '../../src/wire/frame.js';
import { serializeHello } from '../../src/wire/helloMessage.js';
import { CLIENT_MESSAGES, SERVER_MESSAGES } from '../../src/wire/messageTypes.js';
import { serializeInquiry, serializeReport } from '../../src/wire/inquiryMessages.js';
import { serializeMemberMessage } from '../../src/wire/memberMessages.js';
import { createTagger } from '../../src/wire/tag.js';
import { judge } from '../../src/wire/verdict.js';
import { CLIENT_KEY, SYSTEM_KEY } from './messages.js';

const clientTagger = createTagger(CLIENT_KEY);
const systemTagger = createTagger(SYSTEM_KEY);
const OPTIONS = { self: 1, processCount: 3, sectors: 1_000, clientTagger, systemTagger };
const ID = '0123456789abcdef';

const verdictOn = (bytes: Uint8Array) => {
  const frames = createFrameDecoder(SERVER_MESSAGES).push(bytes);
  return frames.map(({ type, bytes: frame }) => judge({ frame, message: type.parse(frame) }, OPTIONS));
};

const MESSAGES: readonly MemberMessage[] = [
  {
    kind: 'oldHello',
    memberState: 'joining',
    storage: 'sixteen letters.',
    incarnation: 255,
    known: '\u00ff'.repeat(16),
    incarnations: [1, 2, 3],
  },
  {
    kind: 'oldHello',
    memberState: 'fresh',
    storage: ID,
    incarnation: 0,
    known: null,
    incarnations: [0, 0, 0],
  },
  { kind: 'list', id: ID, from: 999 },
  {
    kind: 'listed',
    id: ID,
    from: 0,
    next: 240,
    entries: Array.from({ length: ENTRIES_MAX }, (_, sector) => ({
      sector,
      stamp: { timestamp: 2n ** 62n + BigInt(sector), writeRank: 3 },
    })),
    written: 2 ** 40,
  },
  { kind: 'listed', id: ID, from: 1, next: null, entries: [], written: 0 },
  { kind: 'link', token: '\u00ff'.repeat(16), echo: ID, features: 0x8001 },
];

test('what is sent is what is received', (t) => {
  for (const content of MESSAGES) {
    const bytes = serializeMemberMessage({ sender: 2, content }, systemTagger);
    t.deepEqual(verdictOn(bytes), [{ kind: 'member', message: { sender: 2, content } }]);
  }
});

test('their lengths are those of the page', (t) => {
  const sizes = MESSAGES.map((content) => serializeMemberMessage({ sender: 2, content }, systemTagger).length);
  t.deepEqual(sizes, [588, 588, 64, 4_176, 4_176, 80]);
});

test('a wrong tag, a stranger, and fields out of their range are dropped', (t) => {
  const [hello, , , listed] = MESSAGES.map((content) => serializeMemberMessage({ sender: 2, content }, systemTagger));
  const changed = (bytes: Buffer, at: number, byte: number, isSigned = true): Buffer => {
    const copy = Buffer.from(bytes);
    copy[at] = byte;
    if (isSigned) systemTagger.sign(copy);
    return copy;
  };
  const reasonOf = (bytes: Buffer): string => {
    const [verdict] = verdictOn(bytes);
    return verdict.kind === 'dropped' ? verdict.reason : verdict.kind;
  };
  t.is(reasonOf(changed(hello, 9, 1, false)), 'badTag');
  t.is(reasonOf(changed(hello, 6, 1)), 'unknownSender');
  t.is(reasonOf(changed(hello, 6, 4)), 'unknownSender');
  t.is(reasonOf(changed(hello, 26, 3)), 'invalidContent');
  t.is(reasonOf(changed(hello, 28, 1)), 'invalidContent', 'an incarnation of 25 bits');
  // 16 bits are sent of the numbers of all.
  if (INCARNATION_MAX + 1 < 2 ** 16) {
    const isMore = changed(hello, 50, (INCARNATION_MAX + 1) >> 8);
    t.is(reasonOf(isMore), 'invalidContent', 'an incarnation that there is not');
  }
  t.is(reasonOf(changed(listed, 24, 1)), 'invalidContent', 'a sector that no disk has');
  t.is(reasonOf(changed(listed, 48, 1)), 'invalidContent', 'an entry of a sector outside');
  t.is(reasonOf(changed(listed, 56, 0x80)), 'invalidContent', 'a timestamp that is refused');
});

test('of a list of a larger disk counts what is inside the own one', (t) => {
  const heldBy = (sector: number) => ({ sector, stamp: { timestamp: 5n, writeRank: 3 } });
  const entries = [7, 999, 1_000, 2 ** 47].map(heldBy);
  const listed = { kind: 'listed', id: ID, from: 7, entries, written: 4 } as const;
  for (const next of [null, 2 ** 47 + 1]) {
    const bytes = serializeMemberMessage({ sender: 2, content: { ...listed, next } }, systemTagger);
    const content = { ...listed, next: null, entries: entries.slice(0, 2) };
    t.deepEqual(verdictOn(bytes), [{ kind: 'member', message: { sender: 2, content } }]);
  }
  const outside = { ...listed, next: 2_000 };
  const bytes = serializeMemberMessage({ sender: 2, content: outside }, systemTagger);
  t.deepEqual(verdictOn(bytes), [{ kind: 'dropped', reason: 'invalidContent' }], 'as it says itself');
});

test('what a larger disk asks for beyond the end of the own one is nothing', (t) => {
  for (const from of [1_000, 1_001, 2 ** 47]) {
    const content = { kind: 'list', id: ID, from } as const;
    const bytes = serializeMemberMessage({ sender: 2, content }, systemTagger);
    const asked = { ...content, from: 1_000 };
    t.deepEqual(verdictOn(bytes), [{ kind: 'member', message: { sender: 2, content: asked } }]);
  }
});

test('lists are read once the tag has turned out right', (t) => {
  const readFor = (content: MemberMessage, isSigned: boolean): number => {
    const bytes = serializeMemberMessage({ sender: 2, content }, systemTagger);
    if (!isSigned) bytes[bytes.length - 1] ^= 1;
    const [{ type, bytes: frame }] = createFrameDecoder(SERVER_MESSAGES).push(bytes);
    const message = { ...type.parse(frame) };
    let readCount = 0;
    const counted = <T>(list: () => T) => {
      return (): T => {
        readCount += 1;
        return list();
      };
    };
    if (message.family === 'oldHello') {
      Object.assign(message, { incarnations: counted(message.incarnations) });
    }
    if (message.family === 'listed') Object.assign(message, { entries: counted(message.entries) });
    judge({ frame, message }, OPTIONS);
    return readCount;
  };
  for (const content of MESSAGES) {
    t.is(readFor(content, false), 0);
    t.is(readFor(content, true), content.kind === 'oldHello' || content.kind === 'listed' ? 1 : 0);
  }
});

testProp(
  'no bytes do any harm, signed or not',
  [fc.constantFrom(...MESSAGES), fc.array(fc.tuple(fc.nat(4_175), fc.nat(255)), { maxLength: 8 })],
  (t, content, changes) => {
    const bytes = serializeMemberMessage({ sender: 2, content }, systemTagger);
    for (const [at, byte] of changes) if (at < bytes.length - 32) bytes[at] = byte;
    systemTagger.sign(bytes);
    t.notThrows(() => verdictOn(bytes));
  },
);

test('a map is asked for from a sector on, at most one behind the last', (t) => {
  for (const [from, taken] of [
    [0, 0],
    [999, 999],
    [1_000, 1_000],
    [2 ** 47, 1_000],
  ]) {
    const bytes = serializeInquiry({ inquiry: 'map', requestNumber: 7n, from }, clientTagger);
    t.is(bytes.length, 56);
    t.deepEqual(verdictOn(bytes), [{ kind: 'map', from: taken, requestNumber: 7n }]);
    bytes[16] ^= 1;
    t.deepEqual(verdictOn(bytes), [{ kind: 'refusedInquiry', inquiry: 'map', requestNumber: 7n }]);
  }
  const page = Buffer.alloc(4_096, 3);
  for (const content of [page, null]) {
    const report = serializeReport('map', 7n, content, clientTagger);
    const [{ type, bytes: frame }] = createFrameDecoder(CLIENT_MESSAGES).push(report);
    const status = content === null ? 1 : 0;
    const told = { family: 'report', inquiry: 'map', status, requestNumber: 7n } as const;
    t.like(type.parse(frame), told);
    const message = type.parse(frame);
    const data = message.family === 'report' ? message.data : undefined;
    t.deepEqual(data === null ? null : Buffer.from(data ?? []), content);
  }
});

test('inquiries and their answers', (t) => {
  for (const inquiry of ['status', 'scrub'] as const) {
    const bytes = serializeInquiry({ inquiry, requestNumber: 7n }, clientTagger);
    t.is(bytes.length, 56);
    t.deepEqual(verdictOn(bytes), [{ kind: 'inquiry', inquiry, requestNumber: 7n }]);
    bytes[8] ^= 1;
    t.is(verdictOn(bytes)[0].kind, 'refusedInquiry');
    for (const text of ['{"a":1}', null]) {
      const report = serializeReport(inquiry, 7n, text, clientTagger);
      const [{ type, bytes: frame }] = createFrameDecoder(CLIENT_MESSAGES).push(report);
      const message = type.parse(frame);
      t.is(message.family, 'report');
      if (message.family !== 'report') continue;
      t.is(message.status, text === null ? 1 : 0);
      const said = message.data === null ? null : Buffer.from(message.data).toString();
      t.is(said?.replaceAll('\0', '') ?? null, text);
    }
  }
});

const HELLO: Hello & { readonly configuration: Configuration } = {
  memberState: 'joining',
  storage: 'sixteen letters.',
  incarnation: 255,
  known: '\u00ff'.repeat(16),
  incarnations: [1, 2, 3],
  founding: ID,
  isVouched: true,
  configuration: { processCount: 3, sectors: 2 ** 48, addresses: 'x'.repeat(16), mode: 0 },
  wasInUse: false,
  isFounder: true,
  hasData: true,
  isReady: true,
  isDrained: false,
};
const ENVELOPE = { sender: 2, addressee: 1, token: 'a'.repeat(16), echo: '\u00ff'.repeat(16) };

test('HELLO: what is sent is what is received, also from ranks that there are not', (t) => {
  for (const [envelope, content] of [
    [ENVELOPE, HELLO],
    [
      { ...ENVELOPE, sender: 254 },
      { ...HELLO, known: null, founding: null, isVouched: false },
    ],
    [
      { ...ENVELOPE, sender: 1 },
      { ...HELLO, wasInUse: true, isFounder: false, hasData: false },
    ],
  ] as const) {
    const bytes = serializeHello(envelope, content, systemTagger);
    t.is(bytes.length, 672);
    t.deepEqual(verdictOn(bytes), [{ kind: 'hello', envelope, content }]);
  }
});

test('HELLO: a wrong tag, and fields out of their range', (t) => {
  const changed = (at: number, byte: number, isSigned = true): string => {
    const bytes = serializeHello(ENVELOPE, HELLO, systemTagger);
    bytes[at] = byte;
    if (isSigned) systemTagger.sign(bytes);
    const [verdict] = verdictOn(bytes);
    return verdict.kind === 'dropped' ? verdict.reason : verdict.kind;
  };
  t.is(changed(9, 1, false), 'badTag');
  t.is(changed(6, 0), 'invalidContent', 'a rank of 0');
  t.is(changed(6, 255), 'invalidContent');
  t.is(changed(26, 3), 'invalidContent', 'a memberState');
  t.is(changed(28, 1), 'invalidContent', 'an incarnation of 25 bits');
  t.is(changed(112, 1), 'invalidContent', 'more sectors than can be counted');
  t.is(changed(121, 0), 'invalidContent', 'no processes');
  t.is(changed(121, 255), 'invalidContent');
  t.is(changed(128, 1), 'invalidContent', 'an incarnation that there is not');
});

testProp(
  'HELLO: no bytes do any harm, signed or not',
  [fc.array(fc.tuple(fc.nat(639), fc.nat(255)), { maxLength: 12 }), fc.boolean()],
  (t, changes, isSigned) => {
    const bytes = serializeHello(ENVELOPE, HELLO, systemTagger);
    for (const [at, byte] of changes) bytes[at] = byte;
    if (isSigned) systemTagger.sign(bytes);
    t.notThrows(() => verdictOn(bytes));
  },
);
