/** The port of a client to a replica, in virtual time. */
import test from 'ava';
import type { ReplicaAnswer, ReplicaRequest } from '../../../src/core/strict/replicaMessage.js';
import { VERSION_INITIAL } from '../../../src/core/strict/version.js';
import { WRONG_TAGS } from '../../../src/client/link.js';
import { Packer } from '../../../src/wire/strict/pack.js';
import { createTagger } from '../../../src/wire/tag.js';
import { INCARNATIONS, RANK, SECTORS, VirtualReplica, tagger } from './virtualReplica.js';

const stampOf = (counter: number) => ({ counter: BigInt(counter), coordinator: 'sixteen letters.' });
const range = { first: 5, count: 2 };
const STAMP = stampOf(9);
const QUERY: ReplicaRequest = { kind: 'query', range, wantsData: false };
const ORDER: ReplicaRequest = { kind: 'order', range, stamp: STAMP, wants: 'versions' };
const STORE: ReplicaRequest = { kind: 'store', range, stamp: STAMP, origin: STAMP, data: new Uint8Array(8_192) };
const CONCLUDED: ReplicaRequest = { kind: 'concluded', range, stamp: STAMP, lacking: [3] };
const STATE: ReplicaAnswer = {
  kind: 'state',
  runs: [{ count: 2, version: VERSION_INITIAL, promised: VERSION_INITIAL.stamp, data: null }],
};
const STORED: ReplicaAnswer = { kind: 'stored', runs: [{ outcome: 'stored', count: 2 }] };

function upReplica(options = {}): VirtualReplica {
  const replica = new VirtualReplica(options);
  replica.end.opened();
  return replica;
}

test('it is up when a strict member has answered OPEN with the token of the connection', (t) => {
  const replica = new VirtualReplica();
  t.deepEqual(replica.end.opens, [{ token: 'token number 001', version: 1 }]);
  t.deepEqual([replica.ups, replica.modes], [[false], [null]]);
  replica.end.opened({ echo: 'another token 16' });
  t.deepEqual([replica.isUp, replica.counters.unexpectedResponses], [false, 1], 'a replay');
  replica.end.opened();
  t.deepEqual(
    [replica.ups, replica.modes],
    [
      [false, true],
      [null, 'strict'],
    ],
  );
  t.deepEqual(replica.port.opened?.incarnations, INCARNATIONS);
  t.deepEqual(replica.troubles, []);
});

test('a turn is one pack, and answers find their requests, in any order', (t) => {
  const replica = upReplica();
  const { end } = replica;
  const numbers = replica.send(QUERY, ORDER, STORE, CONCLUDED);
  t.is(end.packs.length, 1);
  t.deepEqual(
    end.requests.map(({ number }) => number),
    numbers,
  );
  t.is(new Set(numbers).size, 4);
  end.answer([
    { number: numbers[2], range, answer: STORED },
    { number: numbers[0], range, answer: STATE },
  ]);
  t.deepEqual(replica.answers, [
    { request: numbers[2], answer: STORED, incarnations: INCARNATIONS },
    { request: numbers[0], answer: STATE, incarnations: INCARNATIONS },
  ]);
  end.answer([{ number: numbers[2], range, answer: STORED }]);
  end.answer([{ number: numbers[3], range, answer: STORED }]);
  t.is(replica.answers.length, 2, 'once; and CONCLUDED is not answered');
  t.is(replica.counters.unexpectedResponses, 2);
  t.true(replica.isUp);
});

test('an answer of more than 64 KiB comes whole, in chunks', (t) => {
  const replica = upReplica();
  const large = { first: 256, count: 256 };
  const [number] = replica.send({ kind: 'query', range: large, wantsData: true });
  const data = new Uint8Array(256 * 4096).fill(3);
  const runs = [{ count: 256, version: { stamp: STAMP, origin: STAMP }, promised: STAMP, data }];
  const bytes = Buffer.concat(
    new Packer(RANK, tagger).packAnswers(INCARNATIONS, [{ number, range: large, answer: { kind: 'state', runs } }]),
  );
  for (let at = 0; at < bytes.length; at += 65_536) replica.end.receive(bytes.subarray(at, at + 65_536));
  const [{ answer }] = replica.answers;
  if (answer.kind !== 'state' || !(answer.runs[0].data instanceof Uint8Array)) throw new Error('no data');
  t.true(Buffer.from(data).equals(answer.runs[0].data));
});

test('a process that does not answer OPEN is unknown, and one of the open mode is said to be so', (t) => {
  const silent = new VirtualReplica();
  silent.advance(5_000);
  t.deepEqual([silent.modes, silent.end.pings], [[null], 1], 'it has answered nothing: it may be starting');
  silent.end.pong();
  silent.advance(499);
  t.deepEqual(silent.modes, [null]);
  silent.advance(2);
  t.deepEqual([silent.modes, silent.isUp, silent.end.isDestroyed], [[null, 'unknown'], false, false]);
  silent.end.opened();
  t.deepEqual([silent.modes, silent.isUp], [[null, 'unknown', 'strict'], true], 'it was only slow');
  const open = new VirtualReplica();
  open.end.opened({ mode: 'open' });
  open.advance(5_000);
  t.deepEqual([open.modes, open.ups, open.end.opens.length], [[null, 'open'], [false], 1]);
});

test('a process that is no member is asked again until it is', (t) => {
  const replica = new VirtualReplica();
  replica.end.opened({ memberState: 'joining' });
  replica.advance(700);
  t.deepEqual([replica.isUp, replica.modes, replica.end.opens.length], [false, [null, 'strict'], 3]);
  replica.end.opened();
  t.true(replica.isUp);
  replica.advance(5_000);
  t.is(replica.end.opens.length, 3);
  replica.end.opened({ memberState: 'fresh' });
  t.deepEqual([replica.isUp, replica.end.isDestroyed], [false, true], 'no answer comes after it was down');
});

test('another rank, another N, another version, other sectors', (t) => {
  const told = (fields: object, sectors: number | null = null) => {
    const replica = new VirtualReplica({ sectors });
    replica.end.opened(fields);
    return [replica.isUp, replica.end.isDestroyed, ...replica.troubles];
  };
  t.deepEqual(told({ rank: 1 }), [false, true, 'process 1 answers at the address of process 2']);
  const others = 'its cluster has 5 processes, and this client knows 3';
  t.deepEqual(told({ processCount: 5, incarnations: [0, 0, 0, 0, 0] }), [false, true, others]);
  const later = 'it speaks version 2 of the strict register, not 1';
  t.deepEqual(told({ version: 2 }), [false, false, later]);
  const larger = 'its disk has 1000 sectors, and this client goes by 900';
  t.deepEqual(told({}, 900), [true, false, larger]);
  t.deepEqual(told({}, SECTORS), [true, false]);
});

test('wrong tags are said once and counted, and nothing else happens', (t) => {
  const replica = new VirtualReplica();
  const stranger = createTagger(Buffer.alloc(32, 8));
  replica.end.opened({}, stranger);
  replica.end.opened({}, stranger);
  t.deepEqual([replica.troubles, replica.counters.badTagResponses, replica.isUp], [[WRONG_TAGS], 2, false]);
  replica.end.opened();
  const [number] = replica.send(QUERY);
  replica.end.answer([{ number, range, answer: STATE }], { by: stranger });
  t.deepEqual([replica.answers, replica.counters.badTagResponses], [[], 3]);
  replica.end.answer([{ number, range, answer: STATE }]);
  t.is(replica.answers.length, 1);
});

test('one that gives answers that fit nothing is not believed', (t) => {
  const refusedFor = (counter: number) => ({ outcome: 'refused' as const, count: 2, promised: stampOf(counter) });
  const version = { stamp: STAMP, origin: STAMP };
  const held: ReplicaRequest = { kind: 'store', range, stamp: STAMP, origin: STAMP, data: { held: STAMP } };
  const wantsData: ReplicaRequest = { kind: 'query', range, wantsData: true };
  const misfits: [ReplicaRequest, ReplicaAnswer, { first: number; count: number }][] = [
    [QUERY, STORED, range],
    [QUERY, STATE, { first: 6, count: 2 }],
    [STORE, { kind: 'stored', runs: [{ outcome: 'stored', count: 1 }] }, { first: 5, count: 1 }],
    [wantsData, STATE, range],
    [ORDER, { kind: 'ordered', runs: [{ outcome: 'granted', count: 2, version: null, data: null }] }, range],
    [ORDER, { kind: 'ordered', runs: [refusedFor(8)] }, range],
    [
      { ...ORDER, wants: 'data' },
      { kind: 'ordered', runs: [{ outcome: 'granted', count: 2, version, data: null }] },
      range,
    ],
    [STORE, { kind: 'stored', runs: [refusedFor(9)] }, range],
    [STORE, { kind: 'stored', runs: [{ outcome: 'lacks', count: 2 }] }, range],
  ];
  for (const [request, answer, about] of misfits) {
    const replica = upReplica();
    const [number] = replica.send(request);
    replica.end.answer([{ number, range: about, answer }]);
    const { isUp, answers, counters, end, troubles } = replica;
    t.deepEqual([isUp, end.isDestroyed, answers, counters.unexpectedResponses], [false, true, [], 1]);
    t.regex(troubles.join(), /^an answer does not fit its request: /);
  }
  const fits: [ReplicaRequest, ReplicaAnswer][] = [
    [held, { kind: 'stored', runs: [{ outcome: 'lacks', count: 2 }] }],
    [STORE, { kind: 'stored', runs: [refusedFor(10)] }],
    [STORE, { kind: 'stored', runs: [{ outcome: 'full', count: 2 }] }],
    [ORDER, { kind: 'ordered', runs: [refusedFor(9)] }],
    [wantsData, { kind: 'state', runs: [{ count: 2, version, promised: STAMP, data: 'damaged' }] }],
  ];
  for (const [request, answer] of fits) {
    const replica = upReplica();
    const [number] = replica.send(request);
    replica.end.answer([{ number, range, answer }]);
    t.deepEqual(replica.answers, [{ request: number, answer, incarnations: INCARNATIONS }]);
  }
});

test('packs that are not valid, or of another process, or of requests', (t) => {
  const bad = upReplica();
  const [number] = bad.send(QUERY);
  const beyond = { first: SECTORS - 1, count: 2 };
  bad.end.answer([{ number, range: beyond, answer: STATE }]);
  t.true(bad.end.isDestroyed);
  t.regex(bad.troubles.join(), /^its answers are not valid: a range has 2 sectors from 999 on, and the disk has 1000$/);
  const other = upReplica();
  const [asked] = other.send(QUERY);
  other.end.answer([{ number: asked, range, answer: STATE }], { rank: 3 });
  t.deepEqual([other.answers, other.counters.unexpectedResponses, other.isUp], [[], 1, true]);
  for (const piece of new Packer(RANK, tagger).packRequests([{ number: 1, request: QUERY }])) other.end.receive(piece);
  t.deepEqual(other.troubles, ['it sends requests to a client']);
  t.false(other.isUp);
});

test('a connection on which nothing is answered is given up and dialled again', (t) => {
  const replica = upReplica();
  const { end } = replica;
  replica.advance(5_000);
  t.true(replica.isUp, 'nothing was asked');
  const [first] = replica.send(QUERY, STORE);
  replica.advance(900);
  end.answer([{ number: first, range, answer: STATE }]);
  replica.advance(900);
  t.true(replica.isUp, 'it does answer something');
  replica.advance(400);
  t.deepEqual([replica.isUp, end.isDestroyed, replica.counters.leftConnections], [false, true, 1]);
  t.deepEqual(replica.troubles, ['it has answered nothing for 1000 ms']);
  replica.advance(100);
  t.is(replica.ends.length, 2);
  t.false(replica.isUp, 'it accepts, and is still silent');
  replica.end.opened();
  t.true(replica.isUp);
  t.deepEqual(replica.end.requests, [], 'nothing is sent again');
  const [later] = replica.send(QUERY);
  t.true(later > first);
});

test('one that takes in nothing is given up when too much waits for it', (t) => {
  const replica = upReplica();
  const { end, port } = replica;
  end.isStuck = true;
  end.bufferedBytes = 0;
  let sent = 0;
  while (replica.isUp && sent < 50) {
    port.send(STORE);
    t.true(port.bufferedBytes > end.bufferedBytes, 'what this turn has is counted');
    replica.advance(0);
    sent += 1;
  }
  t.is(sent, 13);
  t.is(replica.counters.leftConnections, 1);
  t.regex(replica.troubles.join(), /^it takes in too little: \d+ bytes wait for it$/);
  t.is(port.bufferedBytes, 0);
});

test('one that answers only some requests does not collect the others', (t) => {
  const replica = upReplica();
  for (let round = 0; replica.isUp && round < 300; round += 1) {
    const [answered] = replica.send(QUERY, QUERY);
    replica.end.answer([{ number: answered, range, answer: STATE }]);
  }
  t.deepEqual(replica.troubles, ['it leaves 101 requests unanswered']);
});

test('when the connection breaks it is down, and what was sent is not answered by the next one', (t) => {
  const replica = upReplica();
  const [number] = replica.send(QUERY);
  replica.end.endReading();
  t.deepEqual([replica.ups, replica.counters.lostConnections], [[false, true, false], 1]);
  t.throws(() => replica.port.send(QUERY));
  replica.isRefusing = true;
  replica.advance(500);
  t.true(replica.counters.failedDials > 1);
  replica.isRefusing = false;
  replica.advance(250);
  replica.end.opened();
  replica.end.answer([{ number, range, answer: STATE }]);
  t.deepEqual([replica.isUp, replica.answers, replica.counters.unexpectedResponses], [true, [], 1]);
  t.deepEqual(replica.troubles, []);
});

test('a request for sectors that the process does not have yet is not sent, and not missed', (t) => {
  const replica = new VirtualReplica();
  replica.end.opened({ sectors: 6 });
  replica.send(QUERY);
  replica.advance(5_000);
  t.deepEqual([replica.end.packs, replica.isUp], [[], true]);
});

test('it ends when it is told to', (t) => {
  const replica = upReplica();
  const { end } = replica;
  replica.port.send(CONCLUDED);
  replica.stop();
  t.deepEqual([replica.isOver, end.calls.includes('end'), end.isDestroyed, replica.isUp], [false, true, false, false]);
  t.deepEqual(
    end.requests.map(({ request }) => request),
    [CONCLUDED],
    'what was to be sent is sent',
  );
  end.endReading();
  replica.advance(0);
  t.deepEqual([replica.isOver, end.isDestroyed], [true, true]);
  t.is(replica.counters.lostConnections, 0);
});
