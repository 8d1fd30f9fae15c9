/** Which worker each message is for. */
import test from 'ava';
import { createFrameDecoder } from '../../src/wire/frame.js';
import { SERVER_MESSAGES } from '../../src/wire/messageTypes.js';
import { serializeInquiry } from '../../src/wire/inquiryMessages.js';
import { serializeMemberMessage } from '../../src/wire/memberMessages.js';
import { serializeProcessMessage, serializeReceipt, serializeRequest } from '../../src/wire/serialize.js';
import { readShard, serializeShard } from '../../src/wire/shardMessage.js';
import { shardRouteOf } from '../../src/wire/shardRoute.js';
import { createTagger } from '../../src/wire/tag.js';
import { judge } from '../../src/wire/verdict.js';
import { CLIENT_KEY, SYSTEM_KEY } from './messages.js';

const clientTagger = createTagger(CLIENT_KEY);
const systemTagger = createTagger(SYSTEM_KEY);
const ID = '0123456789abcdef';

function routeOf(bytes: Uint8Array, count: number, declared: number | null = null) {
  const [frame] = createFrameDecoder(SERVER_MESSAGES).push(bytes);
  return shardRouteOf(frame, count, declared);
}

const read = (sector: number | bigint): Buffer =>
  serializeRequest({ kind: 'read', requestNumber: 1n, sector }, clientTagger);
const ack = (sector: number): Buffer =>
  serializeProcessMessage({ sender: 2, sector, content: { kind: 'ack', id: ID } }, systemTagger);

test('requests go by their sector, whatever it is', (t) => {
  for (const count of [1, 2, 3, 7, 32]) {
    for (const sector of [0n, 1n, 2n ** 48n - 1n, 2n ** 53n + 1n, 2n ** 64n - 1n]) {
      const shard = Number(sector % BigInt(count));
      t.deepEqual(routeOf(read(sector), count), { kind: 'one', shard });
      // Never by what somebody declared.
      t.deepEqual(routeOf(read(sector), count, 0), { kind: 'one', shard });
    }
  }
});

test('messages of peers go by what was declared, else by their sector', (t) => {
  t.deepEqual(routeOf(ack(5), 3), { kind: 'one', shard: 2 });
  t.deepEqual(routeOf(ack(5), 3, 1), { kind: 'one', shard: 1 });
  const receipt = serializeReceipt({ sender: 2, receiptFor: 'ack', id: ID }, systemTagger);
  t.deepEqual(routeOf(receipt, 3), { kind: 'all' });
  t.deepEqual(routeOf(receipt, 3, 1), { kind: 'one', shard: 1 });
});

test('messages of this implementation alone go by what was declared', (t) => {
  const list = serializeMemberMessage({ sender: 2, content: { kind: 'list', id: ID, from: 4 } }, systemTagger);
  t.deepEqual(routeOf(list, 3), { kind: 'undeclared' });
  t.deepEqual(routeOf(list, 3, 2), { kind: 'one', shard: 2 });
});

test('inquiries and declarations are for the process', (t) => {
  for (const inquiry of ['status', 'scrub'] as const) {
    const bytes = serializeInquiry({ inquiry, requestNumber: 1n }, clientTagger);
    t.deepEqual(routeOf(bytes, 3, 1), { kind: 'inquiry', inquiry });
  }
  const map = serializeInquiry({ inquiry: 'map', requestNumber: 1n, from: 5 }, clientTagger);
  t.deepEqual(routeOf(map, 3, 1), { kind: 'one', shard: 2 });
  const bytes = serializeShard(2, { index: 300, count: 301 }, systemTagger);
  t.is(bytes.length, 48);
  t.deepEqual(routeOf(bytes, 3), { kind: 'declaration' });
  t.deepEqual(readShard(bytes), { sender: 2, index: 300, count: 301 });
});

test('a declaration is judged where there are no workers; sectors of others are dropped', (t) => {
  const options = { self: 1, processCount: 3, sectors: 100, clientTagger, systemTagger };
  const judged = (bytes: Uint8Array, shard: { index: number; count: number } | null) => {
    const [{ type, bytes: frame }] = createFrameDecoder(SERVER_MESSAGES).push(bytes);
    const verdict = judge({ frame, message: type.parse(frame) }, { ...options, shard });
    return verdict.kind === 'dropped' ? verdict.reason : verdict.kind;
  };
  const declaration = serializeShard(2, { index: 0, count: 2 }, systemTagger);
  t.is(judged(declaration, null), 'shard');
  declaration[9] ^= 1;
  t.is(judged(declaration, null), 'badTag');
  t.is(judged(serializeShard(1, { index: 0, count: 2 }, systemTagger), null), 'unknownSender');
  t.is(judged(ack(5), { index: 1, count: 2 }), 'processMessage');
  t.is(judged(ack(5), { index: 0, count: 2 }), 'wrongShard');
  t.is(judged(ack(100), { index: 0, count: 2 }), 'invalidSectorIndex');
});
