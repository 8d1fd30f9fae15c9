/** Bytes to values and back, against the independent builder of test/helpers/bytes.ts. */
import test from 'ava';
import type { ClientResponse, ProcessMessage, RegisterMessage } from '../../src/core/message.js';
import { createFrameDecoder } from '../../src/wire/frame.js';
import { CLIENT_MESSAGES, SERVER_MESSAGES } from '../../src/wire/messageTypes.js';
import {
  serializeProcessMessage,
  serializeReceipt,
  serializeRequest,
  serializeResponse,
} from '../../src/wire/serialize.js';
import { createTagger } from '../../src/wire/tag.js';
import type { DropReason, Verdict } from '../../src/wire/verdict.js';
import { judge } from '../../src/wire/verdict.js';
import { MessageReader, processBytes, requestBytes } from '../helpers/bytes.js';
import { CLIENT_KEY, DATA, ID, MESSAGES, SYSTEM_KEY } from './messages.js';

const clientTagger = createTagger(CLIENT_KEY);
const systemTagger = createTagger(SYSTEM_KEY);
const options = { self: 1, processCount: 3, sectors: 100, clientTagger, systemTagger };
const id = Buffer.from(ID, 'hex').toString('latin1');

function judged(bytes: Buffer): Verdict {
  const [{ type, bytes: frame }] = createFrameDecoder(SERVER_MESSAGES).push(bytes);
  return judge({ frame, message: type.parse(frame) }, options);
}

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] ^= 1;
  return copy;
}

const plain = (data: Uint8Array) => Uint8Array.from(data);

test('requests are read as they were built', (t) => {
  t.deepEqual(judged(MESSAGES['READ']), {
    kind: 'request',
    request: { kind: 'read', requestNumber: 2n ** 63n + 5n, sector: 77 },
  });
  t.deepEqual(judged(MESSAGES['WRITE']), {
    kind: 'request',
    request: { kind: 'write', requestNumber: 6n, sector: 99, data: plain(DATA) },
  });
});

test('process messages are read as they were built', (t) => {
  const stamp = { timestamp: 0x0102030405060708n, writeRank: 9 };
  const contents: Record<string, RegisterMessage> = {
    READ_PROC: { kind: 'readProc', id },
    VALUE: { kind: 'value', id, stamp, data: plain(DATA) },
    WRITE_PROC: { kind: 'writeProc', id, stamp, data: plain(DATA) },
    ACK: { kind: 'ack', id },
  };
  for (const [name, content] of Object.entries(contents)) {
    const sender = name === 'VALUE' || name === 'ACK' ? 3 : 2;
    const message: ProcessMessage = { sender, sector: 5, content };
    t.deepEqual(judged(MESSAGES[name]), { kind: 'processMessage', message }, name);
  }
  t.deepEqual(judged(MESSAGES['receipt of WRITE_PROC']), {
    kind: 'receipt',
    receipt: { sender: 2, receiptFor: 'writeProc', id },
  });
});

test('data that was taken in does not change with the bytes it came in', (t) => {
  const bytes = Buffer.from(MESSAGES['WRITE']);
  const verdict = judged(bytes);
  bytes.fill(0);
  t.is(verdict.kind, 'request');
  if (verdict.kind === 'request' && verdict.request.kind === 'write') {
    t.deepEqual(verdict.request.data, plain(DATA));
  }
});

test('a request with any bit changed that the tag covers is refused, and nothing done', (t) => {
  const read = MESSAGES['READ'];
  for (let at = 8; at < read.length; at += 1) t.is(judged(flipped(read, at)).kind, 'refused');
  const number = 2n ** 63n + 5n;
  for (const at of [4, 5, 6, 40]) {
    t.deepEqual(judged(flipped(read, at)), {
      kind: 'refused',
      response: { request: 'read', status: 'authFailure', requestNumber: number, data: null },
    });
  }
});

test('a wrong tag is told before a wrong index', (t) => {
  const request = { family: 'request', kind: 'READ', requestNumber: 1n, data: null } as const;
  const beyond = requestBytes({ ...request, sector: 100n }, CLIENT_KEY);
  const last = requestBytes({ ...request, sector: 99n }, CLIENT_KEY);
  const highest = requestBytes({ ...request, sector: 2n ** 64n - 1n }, CLIENT_KEY);
  const status = (verdict: Verdict) => (verdict.kind === 'refused' ? verdict.response.status : null);
  t.is(status(judged(beyond)), 'invalidSectorIndex');
  t.is(status(judged(highest)), 'invalidSectorIndex');
  t.is(status(judged(flipped(beyond, 50))), 'authFailure');
  t.is(judged(last).kind, 'request');
});

test('process messages that cannot be right are dropped', (t) => {
  const ack = { family: 'process', kind: 'ACK', id: ID, register: null } as const;
  const bytes = (sender: number, sector: bigint) => processBytes({ ...ack, sender, sector }, SYSTEM_KEY);
  const register = { timestamp: 2n ** 63n, writeRank: 2, data: DATA };
  const cases: readonly [Buffer, DropReason][] = [
    [flipped(bytes(2, 5n), 40), 'badTag'],
    [processBytes({ ...ack, sender: 2, sector: 5n }, CLIENT_KEY), 'badTag'],
    [bytes(1, 5n), 'unknownSender'],
    [bytes(0, 5n), 'unknownSender'],
    [bytes(4, 5n), 'unknownSender'],
    [bytes(255, 5n), 'unknownSender'],
    [bytes(2, 100n), 'invalidSectorIndex'],
    [bytes(2, 2n ** 64n - 1n), 'invalidSectorIndex'],
    [processBytes({ ...ack, kind: 'VALUE', sender: 2, sector: 5n, register }, SYSTEM_KEY), 'invalidTimestamp'],
  ];
  for (const [message, reason] of cases) t.deepEqual(judged(message), { kind: 'dropped', reason });
});

test('what we send is what the page says, padding zeros included', (t) => {
  const stamp = { timestamp: 2n ** 64n - 2n, writeRank: 254 };
  const register = { timestamp: stamp.timestamp, writeRank: 254, data: DATA };
  const contents = [
    ['READ_PROC', { kind: 'readProc', id }, null],
    ['VALUE', { kind: 'value', id, stamp, data: DATA }, register],
    ['WRITE_PROC', { kind: 'writeProc', id, stamp, data: DATA }, register],
    ['ACK', { kind: 'ack', id }, null],
  ] as const;
  for (const [kind, content, expected] of contents) {
    const message = { family: 'process', kind, sender: 7, id: ID, sector: 2n ** 40n } as const;
    t.deepEqual(
      serializeProcessMessage({ sender: 7, sector: 2 ** 40, content }, systemTagger),
      processBytes({ ...message, register: expected }, SYSTEM_KEY, 'zeros'),
    );
  }
  const request = { requestNumber: 2n ** 64n - 1n, sector: 12 };
  t.deepEqual(
    serializeRequest({ kind: 'write', ...request, data: DATA }, clientTagger),
    requestBytes({ kind: 'WRITE', requestNumber: 2n ** 64n - 1n, sector: 12n, data: DATA }, CLIENT_KEY, 'zeros'),
  );
});

test('responses and receipts are read by the independent reader as they were meant', (t) => {
  const keys = { clientKey: CLIENT_KEY, systemKey: SYSTEM_KEY };
  const read = (bytes: Buffer) => new MessageReader(keys).push(bytes);
  const ok: ClientResponse = {
    request: 'read',
    status: 'ok',
    requestNumber: 8n,
    data: plain(DATA),
  };
  const refused: ClientResponse = { ...ok, status: 'invalidSectorIndex', data: null };
  const written: ClientResponse = { ...ok, request: 'write', data: null };
  const expected = { family: 'response', requestNumber: 8n } as const;
  t.deepEqual(read(serializeResponse(ok, clientTagger)), [
    { message: { ...expected, kind: 'READ', status: 'Ok', data: DATA }, tagIsGood: true },
  ]);
  t.deepEqual(read(serializeResponse(refused, clientTagger)), [
    {
      message: { ...expected, kind: 'READ', status: 'InvalidSectorIndex', data: null },
      tagIsGood: true,
    },
  ]);
  t.deepEqual(read(serializeResponse(written, clientTagger)), [
    { message: { ...expected, kind: 'WRITE', status: 'Ok', data: null }, tagIsGood: true },
  ]);
  const receipt = serializeReceipt({ sender: 2, receiptFor: 'value', id }, systemTagger);
  t.deepEqual(read(receipt), [
    { message: { family: 'receipt', receiptFor: 'VALUE', sender: 2, id: ID }, tagIsGood: true },
  ]);
});

test('responses are read back by the table that clients use', (t) => {
  for (const data of [plain(DATA), null]) {
    const status = data === null ? 'authFailure' : 'ok';
    const bytes = serializeResponse({ request: 'read', status, requestNumber: 3n, data }, clientTagger);
    const [{ type, bytes: frame }] = createFrameDecoder(CLIENT_MESSAGES).push(bytes);
    t.like(type.parse(frame), { family: 'response', request: 'read', requestNumber: 3n });
    t.true(clientTagger.verify(frame));
  }
});

test('every byte of an operation id survives the way in and out', (t) => {
  for (let first = 0; first < 256; first += 16) {
    const bytes = Buffer.from(Array.from({ length: 16 }, (_, index) => first + index));
    const message = { kind: 'ACK', sender: 2, id: bytes.toString('hex'), sector: 5n } as const;
    const sent = processBytes({ ...message, register: null }, SYSTEM_KEY);
    const verdict = judged(sent);
    if (verdict.kind !== 'processMessage') return t.fail();
    t.is(verdict.message.content.id, bytes.toString('latin1'));
    t.deepEqual(serializeProcessMessage(verdict.message, systemTagger), sent);
  }
});
