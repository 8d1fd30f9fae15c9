/** Requests and replies against doc/proto.md: cut anywhere, refused by the rules, hostile. */
import test from 'ava';
import fc from 'fast-check';
import type { Negotiated } from '../../src/nbd/handshake.js';
import type { NbdRequest } from '../../src/nbd/request.js';
import { doneReply, errorReply, readReply, statusReply } from '../../src/nbd/replies.js';
import type { Decoded } from '../../src/nbd/requestDecoder.js';
import { createRequestDecoder } from '../../src/nbd/requestDecoder.js';
import { bytes, parseChunks, request, simple } from './wire.js';

const SIZE = 16 * 4096;
const NEGOTIATED: Negotiated = {
  export: { name: '', firstSector: 0, sectors: 16, isReadOnly: false },
  isStructured: true,
  hasAllocation: true,
};
const READ_ONLY = { ...NEGOTIATED, export: { ...NEGOTIATED.export, isReadOnly: true } };
const PLAIN = { ...NEGOTIATED, isStructured: false, hasAllocation: false };

function decode(pieces: readonly Uint8Array[], negotiated = NEGOTIATED): Decoded[] {
  const decoder = createRequestDecoder(negotiated);
  return pieces.flatMap((piece) => decoder.push(piece));
}

/** The error of a refused request, or the name of the command of one that is in order. */
function verdictOn(sent: Buffer, negotiated = NEGOTIATED): string {
  const [first] = decode([sent], negotiated);
  if (first.kind === 'request') return first.request.command;
  return first.kind === 'refused' ? first.refusal.error : first.reason;
}

test('every command is understood', (t) => {
  const commands = ['READ', 'WRITE', null, 'FLUSH', 'TRIM', 'CACHE', 'WRITE_ZEROES', 'BLOCK_STATUS'];
  for (const [type, name] of commands.entries()) {
    if (name === null) continue;
    const sent = request({
      type,
      offset: 4096,
      ...(type === 1 ? { data: Buffer.alloc(8) } : { length: 8 }),
    });
    t.is(verdictOn(sent), name);
  }
  t.is(verdictOn(request({ type: 2 })), 'the client has disconnected');
});

test('a request carries what was sent', (t) => {
  const data = Buffer.from('twelve bytes');
  const sent = request({ type: 1, flags: 1, cookie: 2n ** 64n - 1n, offset: 77, data });
  const [decoded] = decode([sent]);
  t.deepEqual(decoded, {
    kind: 'request',
    request: {
      command: 'WRITE',
      flags: 1,
      cookie: 2n ** 64n - 1n,
      offsetBytes: 77n,
      lengthBytes: 12,
      data,
    },
  });
});

test('the rules, each with the error that the protocol names', (t) => {
  const max = 2 ** 25;
  const cases: [string, Buffer, Negotiated?][] = [
    ['READ', request({ type: 0, offset: SIZE, length: 0 })],
    ['EINVAL', request({ type: 0, offset: SIZE, length: 1 })],
    ['EINVAL', request({ type: 0, offset: SIZE + 1, length: 0 })],
    ['EINVAL', request({ type: 0, offset: 2n ** 64n - 1n, length: 2 })],
    ['ENOSPC', request({ type: 1, offset: 2n ** 64n - 1n, data: Buffer.alloc(2) })],
    ['ENOSPC', request({ type: 1, offset: SIZE - 1, data: Buffer.alloc(2) })],
    ['ENOSPC', request({ type: 6, offset: SIZE - 4096, length: 8192 })],
    ['EINVAL', request({ type: 4, offset: SIZE - 1, length: 2 })],
    ['EINVAL', request({ type: 5, offset: SIZE, length: 1 })],
    ['EINVAL', request({ type: 7, offset: 0, length: SIZE + 1 })],
    ['EINVAL', request({ type: 7, offset: 0, length: 0 })],
    ['EINVAL', request({ type: 7, length: 1 }), PLAIN],
    ['EINVAL', request({ type: 8 })],
    ['EINVAL', request({ type: 65_535 })],
    ['EINVAL', request({ type: 0, flags: 0x20, length: 1 })],
    ['EINVAL', request({ type: 0, flags: 2, length: 1 })],
    ['EINVAL', request({ type: 1, flags: 4, data: Buffer.alloc(1) })],
    ['EINVAL', request({ type: 0, flags: 4, length: 1 }), PLAIN],
    ['READ', request({ type: 0, flags: 5, length: 1 })],
    ['WRITE_ZEROES', request({ type: 6, flags: 0x13, length: 4096 })],
    ['ENOTSUP', request({ type: 6, flags: 0x10, length: 4095 })],
    ['WRITE_ZEROES', request({ type: 6, length: 4095 })],
    ['EPERM', request({ type: 1, data: Buffer.alloc(1) }), READ_ONLY],
    ['EPERM', request({ type: 4, length: 1 }), READ_ONLY],
    ['EPERM', request({ type: 6, length: 1 }), READ_ONLY],
    ['READ', request({ type: 0, length: 1 }), READ_ONLY],
  ];
  for (const [expected, sent, negotiated] of cases) {
    t.is(verdictOn(sent, negotiated), expected, sent.subarray(0, 28).toString('hex'));
  }
  const large = { ...NEGOTIATED, export: { ...NEGOTIATED.export, sectors: 2 ** 48 } };
  t.is(verdictOn(request({ type: 0, length: max }), large), 'READ');
  t.is(verdictOn(request({ type: 0, length: max + 1 }), large), 'EINVAL');
  t.is(verdictOn(request({ type: 0, flags: 4, length: max + 1 }), large), 'EOVERFLOW');
  t.is(verdictOn(request({ type: 6, length: 2 ** 32 - 1 }), large), 'WRITE_ZEROES');
});

test('the payload of a refused WRITE is read past, not taken for requests', (t) => {
  const data = Buffer.concat([request({ type: 3, cookie: 66n }), Buffer.alloc(100)]);
  const refused = request({ type: 1, cookie: 5n, data });
  const decoded = decode([refused, request({ type: 3, cookie: 6n })], READ_ONLY);
  t.like(decoded[0], { kind: 'refused', refusal: { cookie: 5n } });
  t.like(decoded[1], { kind: 'request', request: { cookie: 6n } });
  t.is(decoded.length, 2);
});

test('a WRITE that is too long is read past without being kept', (t) => {
  const large = { ...NEGOTIATED, export: { ...NEGOTIATED.export, sectors: 2 ** 48 } };
  const decoder = createRequestDecoder(large);
  t.deepEqual(decoder.push(request({ type: 1, cookie: 9n, length: 2 ** 25 + 5 })), []);
  const piece = Buffer.alloc(2 ** 20);
  for (let count = 0; count < 32; count += 1) t.deepEqual(decoder.push(piece), []);
  t.like(decoder.push(Buffer.alloc(5))[0], { kind: 'refused', refusal: { error: 'EINVAL' } });
});

test('nothing after a wrong magic, or after DISC, is looked at', (t) => {
  const flush = request({ type: 3 });
  for (const last of [Buffer.alloc(28, 1), request({ type: 2 })]) {
    const decoded = decode([flush, last, flush]);
    t.deepEqual(
      decoded.map(({ kind }) => kind),
      ['request', 'end'],
    );
  }
});

test('wherever TCP cuts them, the requests are the same', (t) => {
  const whole = Buffer.concat([
    request({ type: 1, cookie: 1n, data: Buffer.from('abcdefgh') }),
    request({ type: 0, cookie: 2n, length: 4096 }),
    request({ type: 1, cookie: 3n, offset: SIZE, data: Buffer.from('refused') }),
    request({ type: 1, cookie: 4n, length: 0 }),
    request({ type: 2 }),
  ]);
  const expected = decode([whole]);
  t.is(expected.length, 5);
  const cuts = fc.array(fc.integer({ min: 0, max: whole.length }), { maxLength: 10 });
  fc.assert(
    fc.property(cuts, (places) => {
      const at = [0, ...places.toSorted((a, b) => a - b), whole.length];
      const pieces = at.slice(1).map((end, index) => whole.subarray(at[index], end));
      t.deepEqual(decode(pieces), expected);
    }),
  );
  t.deepEqual(decode([...whole].map((byte) => Buffer.of(byte))), expected);
});

const readOf = (offset: number, flags = 0): NbdRequest => ({
  command: 'READ',
  flags,
  cookie: 3n,
  offsetBytes: BigInt(offset),
  lengthBytes: 0,
  data: new Uint8Array(0),
});

test('simple replies', (t) => {
  t.deepEqual(Buffer.concat(doneReply(7n, false)), simple(0, 7n));
  t.deepEqual(Buffer.concat(errorReply(7n, 'ENOSPC', 'x', false)), simple(28, 7n));
  const data = Buffer.from('data');
  const reply = Buffer.concat(readReply(readOf(0), data, false));
  t.deepEqual(reply, Buffer.concat([simple(0, 3n), data]));
});

test('structured replies', (t) => {
  const done = { isLast: true, type: 0, cookie: 7n, data: Buffer.alloc(0) };
  t.deepEqual(parseChunks(Buffer.concat(doneReply(7n, true))), [done]);
  const error = parseChunks(Buffer.concat(errorReply(7n, 'EIO', 'why', true)));
  t.deepEqual(error, [{ ...done, type: 32_769, data: bytes([4, 5], [2, 3], 'why') }]);
  t.deepEqual(parseChunks(Buffer.concat(readReply(readOf(0), Buffer.alloc(0), true))), [{ ...done, cookie: 3n }]);
});

test('whole sectors of zeros are read as holes, unless DF asks for one piece', (t) => {
  const data = Buffer.concat([Buffer.alloc(96, 1), Buffer.alloc(8192), Buffer.alloc(50)]);
  const chunks = parseChunks(Buffer.concat(readReply(readOf(4000), data, true)));
  t.deepEqual(chunks, [
    { isLast: false, type: 1, cookie: 3n, data: bytes([8, 4000], data.subarray(0, 96)) },
    { isLast: false, type: 2, cookie: 3n, data: bytes([8, 4096], [4, 8192]) },
    { isLast: true, type: 1, cookie: 3n, data: bytes([8, 12_288], Buffer.alloc(50)) },
  ]);
  const whole = parseChunks(Buffer.concat(readReply(readOf(4000, 4), data, true)));
  t.deepEqual(whole, [{ isLast: true, type: 1, cookie: 3n, data: bytes([8, 4000], data) }]);
});

test('what is read back from the chunks is what was there', (t) => {
  const sectors = fc.array(fc.boolean(), { minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(sectors, fc.nat(4095), fc.nat(4095), (areZeros, skipped, missing) => {
      const disk = Buffer.concat(areZeros.map((isZero) => Buffer.alloc(4096, isZero ? 0 : 7)));
      const data = disk.subarray(skipped, Math.max(skipped + 1, disk.length - missing));
      const chunks = parseChunks(Buffer.concat(readReply(readOf(skipped), data, true)));
      const seen = Buffer.alloc(data.length, 0xee);
      for (const { type, data: content } of chunks) {
        const at = Number(content.readBigUInt64BE()) - skipped;
        if (type === 2) seen.fill(0, at, at + content.readUInt32BE(8));
        else content.copy(seen, at, 8);
      }
      t.true(seen.equals(data));
      t.deepEqual(
        chunks.map(({ isLast }) => isLast),
        chunks.map((_, index) => index === chunks.length - 1),
      );
    }),
  );
});

test('block status: holes that read as zeros, and data; REQ_ONE asks for the first run', (t) => {
  const extents = [
    { from: 0, to: 4096, isZero: true },
    { from: 4096, to: 5000, isZero: false },
  ];
  const sent = statusReply(readOf(0), extents);
  const told = bytes([4, 1], [4, 4096], [4, 3], [4, 904], [4, 0]);
  t.deepEqual(parseChunks(Buffer.concat(sent)), [{ isLast: true, type: 5, cookie: 3n, data: told }]);
  const one = parseChunks(Buffer.concat(statusReply(readOf(0, 8), extents)));
  t.deepEqual(one[0].data, told.subarray(0, 12));
});
