/** The handshake against doc/proto.md: what is offered, what is refused, and hostile clients. */
import test from 'ava';
import fc from 'fast-check';
import type { HandshakeEnd } from '../../src/nbd/handshake.js';
import { createHandshake, OPTIONS_MAX } from '../../src/nbd/handshake.js';
import type { NbdExport } from '../../src/nbd/nbdExport.js';
import { bytes, clientFlags, go, infoData, metaData, option, parseOptionReplies } from './wire.js';

const WHOLE: NbdExport = { name: '', firstSector: 0, sectors: 256, isReadOnly: false };
const FIXED: NbdExport = { name: 'fixed', firstSector: 256, sectors: 16, isReadOnly: true };

const ERR_UNSUP = 2 ** 31 + 1;
const ERR_INVALID = 2 ** 31 + 3;
const ERR_UNKNOWN = 2 ** 31 + 6;
const ERR_TOO_BIG = 2 ** 31 + 9;

interface Outcome {
  readonly sent: Buffer;
  readonly end: HandshakeEnd | null;
}

/** Feeds the pieces to a handshake until it ends. */
function shake(pieces: readonly Uint8Array[], exports = [WHOLE, FIXED]): Outcome {
  const handshake = createHandshake(exports);
  const sent: Uint8Array[] = [];
  let end: HandshakeEnd | null = null;
  for (const [index, piece] of pieces.entries()) {
    const step = handshake.push(piece);
    sent.push(...step.replies);
    end = step.end;
    if (end?.kind === 'negotiated') {
      const rest = Buffer.concat([end.rest, ...pieces.slice(index + 1)]);
      return { sent: Buffer.concat(sent), end: { ...end, rest } };
    }
    if (end !== null) break;
  }
  return { sent: Buffer.concat(sent), end };
}

/** The replies to options, as [option, type]. */
function repliesTo(...options: Buffer[]): [number, number][] {
  const { sent } = shake([clientFlags(3), ...options]);
  return parseOptionReplies(sent).map(({ option: number, type }) => [number, type]);
}

const structured = option(8);

test('the greeting offers fixed newstyle and to omit zeroes', (t) => {
  const greeting = Buffer.from(createHandshake([WHOLE]).greeting);
  t.deepEqual(greeting, bytes('NBDMAGIC', 'IHAVEOPT', [2, 3]));
});

test('EXPORT_NAME gives size and flags, and zeroes to those who want them', (t) => {
  // HAS_FLAGS FLUSH FUA TRIM WRITE_ZEROES CAN_MULTI_CONN CACHE FAST_ZERO
  const size = bytes([8, 256 * 4096], [2, 0xd6d]);
  t.deepEqual(shake([clientFlags(3), option(1)]).sent, size);
  t.deepEqual(shake([clientFlags(1), option(1)]).sent, Buffer.concat([size, Buffer.alloc(124)]));
  const { end } = shake([clientFlags(3), option(1), Buffer.from('next')]);
  t.is(end?.kind === 'negotiated' && Buffer.from(end.rest).toString(), 'next');
});

test('EXPORT_NAME of what there is not ends the connection', (t) => {
  t.like(shake([clientFlags(3), option(1, Buffer.from('none'))]), { end: { kind: 'closed' } });
});

test('GO tells size, flags, block sizes, and texts to those who ask', (t) => {
  const { sent, end } = shake([clientFlags(3), structured, go('fixed', 1, 2, 3)]);
  const [ack, ...replies] = parseOptionReplies(sent);
  t.like(ack, { option: 8, type: 1 });
  t.deepEqual(
    replies.map(({ type }) => type),
    [3, 3, 3, 3, 1],
  );
  // HAS_FLAGS READ_ONLY FLUSH FUA DF CAN_MULTI_CONN CACHE
  t.deepEqual(replies[0].data, bytes([2, 0], [8, 16 * 4096], [2, 0x58f]));
  t.deepEqual(replies[1].data, bytes([2, 3], [4, 1], [4, 4096], [4, 2 ** 25]));
  t.deepEqual(replies[2].data, bytes([2, 1], 'fixed'));
  t.is(replies[3].data.toString('utf8', 2), 'Atomic Disk Drive, sectors 256 to 271, read-only');
  t.like(end, { kind: 'negotiated', negotiated: { export: FIXED, isStructured: true } });
});

test('INFO tells the same and goes on', (t) => {
  const { sent, end } = shake([clientFlags(3), option(6, infoData(''))]);
  t.deepEqual(
    parseOptionReplies(sent).map(({ type }) => type),
    [3, 3, 1],
  );
  t.is(end, null);
});

test('LIST names every export', (t) => {
  const replies = parseOptionReplies(shake([clientFlags(3), option(3)]).sent);
  t.deepEqual(
    replies.map(({ type, data }) => [type, data.toString('utf8', 4)]),
    [
      [2, ''],
      [2, 'fixed'],
      [1, ''],
    ],
  );
});

test('ABORT is acknowledged, then the connection ends', (t) => {
  const { sent, end } = shake([clientFlags(3), option(2)]);
  t.like(parseOptionReplies(sent)[0], { option: 2, type: 1 });
  t.is(end?.kind, 'closed');
});

test('what is not known is declined, TLS too, and the handshake goes on', (t) => {
  const unknown = [4, 5, 11, 99, 2 ** 32 - 1];
  const replies = repliesTo(...unknown.map((number) => option(number, Buffer.alloc(5))), option(3));
  t.deepEqual(
    replies.slice(0, 5),
    unknown.map((number): [number, number] => [number, ERR_UNSUP]),
  );
  t.is(replies.length, 8);
});

test('malformed options are invalid, unknown exports unknown', (t) => {
  const cases: [Buffer, number][] = [
    [option(7, Buffer.alloc(3)), ERR_INVALID],
    [option(7, bytes([4, 9], 'short', [2, 0])), ERR_INVALID],
    [option(7, bytes([4, 0], [2, 2], [2, 1])), ERR_INVALID],
    [option(7, bytes([4, 2 ** 32 - 1], 'x', [2, 0])), ERR_INVALID],
    [option(6, Buffer.concat([infoData(''), Buffer.alloc(1)])), ERR_INVALID],
    [option(8, Buffer.alloc(1)), ERR_INVALID],
    [option(3, Buffer.alloc(1)), ERR_INVALID],
    [go('none'), ERR_UNKNOWN],
    [option(10, metaData('', 'base:allocation')), ERR_INVALID],
  ];
  for (const [sent, expected] of cases) {
    t.is(repliesTo(sent)[0][1], expected, sent.toString('hex'));
  }
  const lying = bytes([4, 0], [4, 2 ** 32 - 1], [4, 1], 'x');
  t.is(repliesTo(structured, option(10, lying))[1][1], ERR_INVALID);
  t.is(repliesTo(structured, option(10, metaData('none')))[1][1], ERR_UNKNOWN);
});

test('base:allocation is found by its name, by its namespace and by asking for all', (t) => {
  const context = (number: number, id: number): unknown[] => [
    { option: number, type: 4, data: bytes([4, id], 'base:allocation') },
    { option: number, type: 1, data: Buffer.alloc(0) },
  ];
  const replies = (sent: Buffer) => parseOptionReplies(shake([clientFlags(3), structured, sent]).sent).slice(1);
  t.deepEqual(replies(option(9, metaData(''))), context(9, 0));
  t.deepEqual(replies(option(9, metaData('', 'base:'))), context(9, 0));
  t.deepEqual(replies(option(9, metaData('', 'other:x'))), context(9, 0).slice(1));
  const twice = metaData('', 'base:allocation', 'x:y', 'base:allocation');
  t.deepEqual(replies(option(10, twice)), context(10, 1));
  t.deepEqual(replies(option(10, metaData('', 'base:'))), context(10, 1).slice(1));
});

test('the context chosen last counts, for the export that it was chosen for', (t) => {
  const allocation = (...options: Buffer[]): boolean | null => {
    const { end } = shake([clientFlags(3), structured, ...options]);
    return end?.kind === 'negotiated' ? end.negotiated.hasAllocation : null;
  };
  const choose = (name: string, ...queries: string[]) => option(10, metaData(name, ...queries));
  t.true(allocation(choose('', 'base:allocation'), go('')));
  t.false(allocation(choose('fixed', 'base:allocation'), go('')));
  t.false(allocation(choose('', 'base:allocation'), choose(''), go('')));
  t.false(allocation(choose('', 'base:allocation'), option(10, Buffer.alloc(1)), go('')));
  t.false(allocation(option(9, metaData('', 'base:allocation')), go('')));
});

test('client flags that nobody knows, and options without magic, end the connection', (t) => {
  t.is(shake([clientFlags(4)]).end?.kind, 'closed');
  t.is(shake([clientFlags(2 ** 31 + 3)]).end?.kind, 'closed');
  t.is(shake([clientFlags(3), Buffer.alloc(16, 0xff)]).end?.kind, 'closed');
  t.is(shake([Buffer.from('GET / HTTP/1.1\r\n\r\n')]).end?.kind, 'closed');
});

test('data that is too long is read past and refused, but not without end', (t) => {
  const long = bytes('IHAVEOPT', [4, 7], [4, 1_000_000]);
  const pieces = [clientFlags(3), long, Buffer.alloc(600_000), Buffer.alloc(400_000), option(3)];
  const replies = parseOptionReplies(shake(pieces).sent);
  t.deepEqual(
    replies.map(({ type }) => type),
    [ERR_TOO_BIG, 2, 2, 1],
  );
  t.is(shake([clientFlags(3), bytes('IHAVEOPT', [4, 7], [4, 2 ** 32 - 1])]).end?.kind, 'closed');
  t.is(shake([clientFlags(3), bytes('IHAVEOPT', [4, 1], [4, 1_000_000])]).end?.kind, 'closed');
});

test('a client that haggles without end is let go', (t) => {
  const options = Array.from({ length: OPTIONS_MAX }, () => option(99));
  t.is(shake([clientFlags(3), ...options]).end, null);
  t.is(shake([clientFlags(3), ...options, option(99)]).end?.kind, 'closed');
});

test('wherever TCP cuts it, the outcome is the same', (t) => {
  const whole = Buffer.concat([
    clientFlags(3),
    structured,
    option(99, Buffer.alloc(7)),
    option(10, metaData('', 'base:allocation')),
    go('', 1, 2),
    Buffer.from('requests'),
  ]);
  const expected = shake([whole]);
  t.is(expected.end?.kind, 'negotiated');
  const cuts = fc.array(fc.integer({ min: 0, max: whole.length }), { maxLength: 8 });
  fc.assert(
    fc.property(cuts, (places) => {
      const at = [0, ...places.toSorted((a, b) => a - b), whole.length];
      const pieces = at.slice(1).map((end, index) => whole.subarray(at[index], end));
      t.deepEqual(shake(pieces), expected);
    }),
  );
  t.deepEqual(shake([...whole].map((byte) => Buffer.of(byte))), expected);
});

test('noise never throws', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
      shake([clientFlags(3), noise]);
      shake([clientFlags(3), option(7, noise), option(10, noise), option(9, noise)]);
    }),
  );
  t.pass();
});
