/** The protocol code of the tests and of the program agree, and the reader survives any cut. */
import test from 'ava';
import fc from 'fast-check';
import { serializeInquiry, serializeReport } from '../../src/wire/inquiryMessages.js';
import { serializeProcessMessage, serializeReceipt, serializeRequest } from '../../src/wire/serialize.js';
import { serializeResponse } from '../../src/wire/serialize.js';
import { createTagger } from '../../src/wire/tag.js';
import type { ProcessKind } from './bytes.js';
import { MessageReader, processBytes, receiptBytes, requestBytes } from './bytes.js';

const clientKey = Buffer.alloc(32, 0xc1);
const systemKey = Buffer.alloc(64, 0x5e);
const clientTagger = createTagger(clientKey);
const systemTagger = createTagger(systemKey);
const data = Buffer.alloc(4096, 'sector ');
const id = '00112233445566778899aabbccddeeff';
const operationId = Buffer.from(id, 'hex').toString('latin1');

const KINDS: readonly (readonly [ProcessKind, 'readProc' | 'value' | 'writeProc' | 'ack'])[] = [
  ['READ_PROC', 'readProc'],
  ['VALUE', 'value'],
  ['WRITE_PROC', 'writeProc'],
  ['ACK', 'ack'],
];

test('requests are the same bytes as the program makes', (t) => {
  const read = { kind: 'READ', requestNumber: 5n, sector: 7n, data: null } as const;
  t.deepEqual(
    requestBytes(read, clientKey),
    serializeRequest({ kind: 'read', requestNumber: 5n, sector: 7 }, clientTagger),
  );
  const write = { kind: 'WRITE', requestNumber: 2n ** 64n - 1n, sector: 7n, data } as const;
  t.deepEqual(requestBytes(write, clientKey), serializeRequest({ ...write, kind: 'write' }, clientTagger));
});

test('inquiries are the same bytes as the program makes, and its reports are understood', (t) => {
  for (const [kind, inquiry] of [
    ['STATUS', 'status'],
    ['SCRUB', 'scrub'],
    ['MAP', 'map'],
  ] as const) {
    const asked = { kind, requestNumber: 9n, sector: 0n, data: null } as const;
    const bytes = requestBytes(asked, clientKey);
    t.deepEqual(bytes, serializeInquiry({ inquiry, requestNumber: 9n }, clientTagger));
    const reader = new MessageReader({ clientKey, systemKey });
    const given = Buffer.concat([
      bytes,
      serializeReport(inquiry, 9n, '{"rank":1}', clientTagger),
      serializeReport(inquiry, 9n, null, clientTagger),
    ]);
    const report = Buffer.alloc(4096);
    report.write('{"rank":1}');
    const common = { family: 'response', kind, requestNumber: 9n } as const;
    t.deepEqual(reader.push(given), [
      { message: { family: 'request', ...asked }, tagIsGood: true },
      { message: { ...common, status: 'Ok', data: report }, tagIsGood: true },
      { message: { ...common, status: 'AuthFailure', data: null }, tagIsGood: true },
    ]);
  }
});

test('process messages and receipts are the same bytes as the program makes', (t) => {
  const sector = 2 ** 40 + 3;
  for (const [kind, ours] of KINDS) {
    const stamp = { timestamp: 2n ** 50n, writeRank: 3 };
    const content =
      ours === 'value' || ours === 'writeProc'
        ? { kind: ours, id: operationId, stamp, data }
        : { kind: ours, id: operationId };
    const register = 'data' in content ? { ...stamp, data } : null;
    t.deepEqual(
      processBytes({ kind, sender: 2, id, sector: BigInt(sector), register }, systemKey),
      serializeProcessMessage({ sector, sender: 2, content }, systemTagger),
    );
    t.deepEqual(
      receiptBytes({ receiptFor: kind, sender: 2, id }, systemKey),
      serializeReceipt({ sender: 2, receiptFor: ours, id: operationId }, systemTagger),
    );
  }
});

test('responses that the program makes are understood', (t) => {
  const reader = new MessageReader({ clientKey, systemKey });
  const bytes = Buffer.concat([
    serializeResponse({ request: 'read', status: 'ok', requestNumber: 1n, data }, clientTagger),
    serializeResponse({ request: 'write', status: 'invalidSectorIndex', requestNumber: 2n, data: null }, clientTagger),
    serializeResponse(
      { request: 'read', status: 'authFailure', requestNumber: 3n, data: null },
      createTagger(systemKey),
    ),
  ]);
  t.deepEqual(reader.push(bytes), [
    {
      message: { family: 'response', kind: 'READ', status: 'Ok', requestNumber: 1n, data },
      tagIsGood: true,
    },
    {
      message: {
        family: 'response',
        kind: 'WRITE',
        status: 'InvalidSectorIndex',
        requestNumber: 2n,
        data: null,
      },
      tagIsGood: true,
    },
    {
      message: {
        family: 'response',
        kind: 'READ',
        status: 'AuthFailure',
        requestNumber: 3n,
        data: null,
      },
      tagIsGood: false,
    },
  ]);
});

test('messages come out whole however the bytes are cut, with rubbish between them', (t) => {
  const messages = [
    requestBytes({ kind: 'WRITE', requestNumber: 1n, sector: 2n, data }, clientKey, 'random'),
    processBytes(
      { kind: 'VALUE', sender: 1, id, sector: 3n, register: { timestamp: 4n, writeRank: 1, data } },
      systemKey,
      'random',
    ),
    receiptBytes({ receiptFor: 'ACK', sender: 3, id }, systemKey, 'random'),
  ];
  const rubbish = Buffer.from('at atdd....', 'latin1');
  const stream = Buffer.concat([rubbish, messages[0], rubbish, messages[1], rubbish, messages[2]]);
  fc.assert(
    fc.property(fc.array(fc.nat(stream.length), { maxLength: 40 }), (cuts) => {
      const reader = new MessageReader({ clientKey, systemKey });
      const edges = [0, ...cuts.sort((a, b) => a - b), stream.length];
      const received = edges.flatMap((edge, index) =>
        index === 0 ? [] : reader.push(stream.subarray(edges[index - 1], edge)),
      );
      t.deepEqual(
        received.map(({ message, tagIsGood }) => [message.family, tagIsGood]),
        [
          ['request', true],
          ['process', true],
          ['receipt', true],
        ],
      );
      t.is(reader.skippedBytes, rubbish.length * 3);
    }),
    { numRuns: 200 },
  );
});
