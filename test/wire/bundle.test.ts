import { fc, testProp } from '@fast-check/ava';
import test from 'ava';
import type { ProcessMessage, RegisterMessage } from '../../src/core/message.js';
import { Bundler } from '../../src/wire/bundle.js';
import * as wire from '../../src/wire/constants.js';
import { createFrameDecoder } from '../../src/wire/frame.js';
import { PEER_MESSAGES, SERVER_MESSAGES } from '../../src/wire/messageTypes.js';
import { OutgoingMessage } from '../../src/wire/outgoingMessage.js';
import { serializeProcessMessage } from '../../src/wire/serialize.js';
import { createTagger } from '../../src/wire/tag.js';
import { judge } from '../../src/wire/verdict.js';
import { ack, data, readProc, readStamp, stamp, stampOf, value, writeProc } from '../core/make.js';

const tagger = createTagger(new Uint8Array(64).fill(7));
const options = {
  self: 1,
  processCount: 3,
  sectors: 100,
  clientTagger: createTagger(new Uint8Array(32)),
  systemTagger: tagger,
};
const SMALL = [readProc('a'), readStamp('b'), stampOf('c', stamp(5, 2)), ack('d')];
const ALL = [...SMALL, value('e', stamp(6, 3), data(1)), writeProc('f', stamp(7, 1), data(2))];

const messageOf = (content: RegisterMessage): ProcessMessage => ({ sender: 2, sector: 9, content });
const outgoingOf = (content: RegisterMessage, isBroadcast = false): OutgoingMessage =>
  new OutgoingMessage(messageOf(content), isBroadcast, tagger);
const bundleOf = (contents: readonly RegisterMessage[]) =>
  ({ kind: 'bundle', sender: 2, messages: contents.map(messageOf), leftOut: null }) as const;
const bundler = (): Bundler => new Bundler(2, tagger);

function verdictsOf(bytes: Uint8Array) {
  const frames = createFrameDecoder(SERVER_MESSAGES).push(bytes);
  return frames.map((frame) => judge({ frame: frame.bytes, message: frame.type.parse(frame.bytes) }, options));
}

test('messages of one turn go as one, and come out as they were', (t) => {
  const packed = bundler().pack(ALL.map((content) => outgoingOf(content)));
  t.is(packed.length, 1);
  t.deepEqual(verdictsOf(packed[0]), [bundleOf(ALL)]);
});

test('one message goes by itself; and bytes keep their place', (t) => {
  const hello = Uint8Array.of(1, 2, 3);
  const [alone] = ALL.map((content) => outgoingOf(content));
  const packed = bundler().pack([alone, hello, ...SMALL.map((content) => outgoingOf(content))]);
  t.deepEqual(packed.slice(0, 2), [alone.own(), hello]);
  t.is(verdictsOf(packed[2])[0].kind, 'bundle');
  t.is(packed.length, 3);
});

test('a stamp is asked of a peer that has not agreed as a value', (t) => {
  const asked = outgoingOf(readStamp('b'));
  t.deepEqual(asked.base(), serializeProcessMessage(messageOf(readProc('b')), tagger));
  t.deepEqual(asked.own(), serializeProcessMessage(messageOf(readStamp('b')), tagger));
  t.is(outgoingOf(readProc('b')).base()[wire.OFFSET_TYPE], wire.TYPE_READ_PROC);
});

test('what goes to all is one bundle for all, what goes to one is its own', (t) => {
  const shared = ALL.map((content) => outgoingOf(content, true));
  const one = bundler();
  const [first, own] = one.pack([...shared, outgoingOf(ack('x')), outgoingOf(ack('y'))]);
  const [second, other] = one.pack([...shared, outgoingOf(ack('z')), outgoingOf(ack('y'))]);
  t.is(first, second, 'made once');
  t.notDeepEqual(own, other);
  const [fewer] = one.pack(shared.slice(1));
  t.deepEqual(verdictsOf(fewer), [bundleOf(ALL.slice(1))]);
});

test('no bundle is longer than it may be', (t) => {
  const many = Array.from({ length: 40 }, (_, index) => outgoingOf(writeProc(String(index), stamp(1, 1), data(index))));
  const packed = bundler().pack(many);
  t.true(packed.every(({ length }) => length <= wire.SIZE_BUNDLE_MAX));
  t.is(packed.length, 3);
  const messages = packed.flatMap(verdictsOf).flatMap((one) => {
    return one.kind === 'bundle' ? one.messages : [];
  });
  t.deepEqual(
    messages,
    many.map(({ message }) => message),
  );
});

test('a bundle with a wrong tag, or of a stranger, is dropped as a whole', (t) => {
  const [packed] = bundler().pack(SMALL.map((content) => outgoingOf(content)));
  for (let at = 8; at < packed.length; at += 7) {
    const spoilt = Uint8Array.from(packed);
    spoilt[at] ^= 1;
    t.deepEqual(verdictsOf(spoilt), [{ kind: 'dropped', reason: 'badTag' }], `byte ${at}`);
  }
  const [own] = new Bundler(1, tagger).pack(SMALL.map((content) => outgoingOf(content)));
  t.deepEqual(verdictsOf(own), [{ kind: 'dropped', reason: 'unknownSender' }]);
});

test('a bundle of anything but whole good messages of its sender is dropped', (t) => {
  const make = (change: (bytes: Buffer) => void): Uint8Array => {
    const [packed] = bundler().pack(SMALL.map((content) => outgoingOf(content)));
    const bytes = Buffer.from(packed);
    change(bytes);
    tagger.sign(bytes);
    return bytes;
  };
  const changes: ((bytes: Buffer) => void)[] = [
    (bytes) => (bytes[8 + wire.OFFSET_TYPE] = wire.TYPE_READ),
    (bytes) => (bytes[8 + wire.OFFSET_TYPE] = wire.TYPE_WRITE_PROC),
    (bytes) => (bytes[8 + wire.OFFSET_SENDER] = 3),
    (bytes) => (bytes[8 + 2 * 32 + wire.OFFSET_TIMESTAMP] = 0x80),
  ];
  for (const change of changes) {
    t.deepEqual(verdictsOf(make(change)), [{ kind: 'dropped', reason: 'invalidContent' }]);
  }
});

test('messages about sectors that are not here are left out, the others count', (t) => {
  const beyond = (content: RegisterMessage): OutgoingMessage =>
    new OutgoingMessage({ sender: 2, sector: options.sectors, content }, false, tagger);
  const [first, ...others] = SMALL;
  const mixed = [beyond(first), ...others.map((content) => outgoingOf(content)), beyond(ack('y'))];
  const left = { ...bundleOf(others), leftOut: 'invalidSectorIndex' } as const;
  t.deepEqual(bundler().pack(mixed).flatMap(verdictsOf), [left]);
  const all = bundler().pack(SMALL.map(beyond));
  t.deepEqual(all.flatMap(verdictsOf), [{ ...left, messages: [] }]);
});

test('what is in a bundle is read once its tag has turned out right', (t) => {
  let readCount = 0;
  const judged = (bytes: Uint8Array): string => {
    const [{ type, bytes: frame }] = createFrameDecoder(SERVER_MESSAGES).push(bytes);
    const message = type.parse(frame);
    if (message.family !== 'bundle') return 'no bundle';
    const messages = () => {
      readCount += 1;
      return message.messages();
    };
    return judge({ frame, message: { ...message, messages } }, options).kind;
  };
  const [bytes] = bundler().pack(SMALL.map((content) => outgoingOf(content)));
  const forged = Uint8Array.from(bytes);
  forged[forged.length - 1] ^= 1;
  t.deepEqual([judged(forged), readCount], ['dropped', 0]);
  t.deepEqual([judged(bytes), readCount], ['bundle', 1]);
});

test('a length that no bundle has begins no message', (t) => {
  for (const units of [0, 4, wire.SIZE_BUNDLE_MAX / 8 + 1, 0xffff]) {
    const bytes = Buffer.from(bundler().pack(SMALL.map((content) => outgoingOf(content)))[0]);
    bytes.writeUInt16BE(units, wire.OFFSET_BUNDLE_LENGTH);
    for (const table of [SERVER_MESSAGES, PEER_MESSAGES]) {
      const decoder = createFrameDecoder(table);
      const [type] = decoder.push(Buffer.concat([bytes, outgoingOf(ack('z')).own()]));
      t.is(type.type.name, 'READ_PROC', 'the next magic is that of the first message inside');
    }
  }
});

testProp(
  'no bytes in a bundle do any harm, signed or not',
  [
    fc.array(fc.constantFrom(...ALL), { minLength: 2, maxLength: 12 }),
    fc.array(fc.tuple(fc.nat(60_000), fc.nat(255)), { maxLength: 8 }),
    fc.boolean(),
  ],
  (t, contents, changes, isSigned) => {
    const [packed] = bundler().pack(contents.map((content) => outgoingOf(content)));
    const bytes = Uint8Array.from(packed);
    for (const [at, byte] of changes) bytes[at % (bytes.length - wire.TAG_SIZE_BYTES)] = byte;
    if (isSigned) tagger.sign(bytes);
    t.notThrows(() => verdictsOf(bytes));
  },
);
