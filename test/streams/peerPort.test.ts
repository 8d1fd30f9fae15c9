/** The port to the replica of a peer, without a process around it. */
import test from 'ava';
import { VirtualAction, VirtualTimeScheduler } from 'rxjs';
import type { Hello } from '../../src/core/membership/memberMessage.js';
import type { Difference } from '../../src/core/membership/configuration.js';
import { FEATURE_BUNDLES, FEATURE_PACKS } from '../../src/wire/constants.js';
import { Packer } from '../../src/wire/strict/pack.js';
import { createTagger } from '../../src/wire/tag.js';
import { PeerPort } from '../../streams/pipelines/replica/peerPort.js';
import { readyPeer } from '../../streams/pipelines/replica/peerPorts.js';
import { FakeConnection } from '../helpers/fakeConnection.js';
import { strictStamp } from './strictFakes.js';
import { KEYS } from './virtualProcess.js';

function start(unansweredMax = 10) {
  const clock = new VirtualTimeScheduler(VirtualAction);
  const packer = new Packer(1, createTagger(KEYS.systemKey));
  const port = new PeerPort({ rank: 2, packer, schedulers: { clock }, unansweredMs: 1_000, unansweredMax });
  const connection = new FakeConnection('peer', clock);
  const seen = { ups: [] as boolean[], troubles: [] as string[], answers: [] as number[], sent: 0 };
  port.isUp$.subscribe((isUp) => seen.ups.push(isUp));
  port.trouble$.subscribe((trouble) => seen.troubles.push(trouble));
  port.answer$.subscribe(({ request }) => seen.answers.push(request));
  port.outgoing$.subscribe(() => (seen.sent += 1));
  port.run$.subscribe();
  port.setConnection(connection);
  return { clock, port, connection, seen };
}

const range = { first: 3, count: 1 };
const QUERY = { kind: 'query', range, wantsData: false } as const;
const version = { stamp: strictStamp(1), origin: strictStamp(1) };
const STATE = { kind: 'state', runs: [{ count: 1, version, promised: strictStamp(1), data: null }] } as const;

/** Of a QUERY that is sent. */
function numberOf(port: PeerPort): number {
  const number = port.send(QUERY);
  if (number === null) throw new Error('the peer has the sector');
  return number;
}

test('it is up from when the peer is ready until the connection is over, and answers find their requests', (t) => {
  const { port, connection, seen } = start();
  t.false(port.isOver(connection));
  port.setReady({ sectors: 100 });
  const numbers = [numberOf(port), numberOf(port)];
  t.true(port.isOver(connection));
  const answers = [...numbers].reverse().map((number) => ({ number, range, answer: STATE }));
  port.receive({ kind: 'answers', incarnations: [0, 0, 0], answers: [...answers, { ...answers[0], number: 77 }] });
  t.deepEqual(seen.answers, [...numbers].reverse(), 'an answer to nothing is left out');
  const outside = port.send({ ...QUERY, range: { first: 100, count: 1 } });
  t.deepEqual([outside, seen.sent], [null, 2], 'the peer does not have that sector');
  port.setConnection(null);
  port.setReady({ sectors: 100 });
  t.deepEqual(seen.ups, [false, true, false]);
  t.deepEqual(seen.troubles, []);
});

test('a peer that gives other answers than were asked for, or requests, loses its connection', (t) => {
  const ordered = { kind: 'ordered', runs: [{ outcome: 'granted', count: 1, version: null, data: null }] } as const;
  const wrong = start();
  wrong.port.setReady({ sectors: 100 });
  const number = numberOf(wrong.port);
  const answers = [{ number, range, answer: ordered }];
  wrong.port.receive({ kind: 'answers', incarnations: [0, 0, 0], answers });
  const asking = start();
  asking.port.setReady({ sectors: 100 });
  asking.port.receive({ kind: 'requests', requests: [] });
  for (const { seen, connection } of [wrong, asking]) {
    t.deepEqual(seen.ups, [false, true, false]);
    t.is(seen.troubles.length, 1);
    t.deepEqual(connection.calls, ['destroy']);
    t.deepEqual(seen.answers, []);
  }
});

test('a peer that answers nothing, or too little, loses its connection', (t) => {
  const silent = start();
  silent.port.setReady({ sectors: 100 });
  silent.port.send(QUERY);
  silent.clock.maxFrames = 3_000;
  silent.clock.flush();
  t.deepEqual(silent.seen.troubles, ['it has answered nothing for 1000 ms']);
  const busy = start(2);
  busy.port.setReady({ sectors: 100 });
  for (let count = 0; count < 4; count += 1) busy.port.send(QUERY);
  busy.clock.maxFrames = 10;
  busy.clock.flush();
  t.is(busy.seen.sent, 2);
  t.deepEqual(busy.seen.troubles, ['it leaves 2 requests unanswered']);
});

test('a peer is ready when it has proven itself, understands PACK and is a member', (t) => {
  const configuration = { processCount: 3, sectors: 50, addresses: 'a', mode: 1 };
  const ready = (change: {
    agreed?: number;
    receivedToken?: string;
    memberState?: Hello['memberState'] | null;
    field?: Difference['field'];
  }) => {
    const { agreed = FEATURE_BUNDLES | FEATURE_PACKS, receivedToken = 't'.repeat(16), memberState = 'member' } = change;
    const heard = new Map(memberState === null ? [] : [[2, { kind: 'hello', hello: { memberState, configuration } }]]);
    const differences = change.field === undefined ? [] : [{ field: change.field, own: 1, peer: 2 }];
    const peer = { rank: 2, opening: { receivedToken }, negotiation: { agreed } };
    const state = {
      membership: { current: { heard, configuration: { ...configuration, sectors: 60 } } },
      differences: { answered: new Map([[2, differences]]) },
    };
    return readyPeer(peer as never, state as never);
  };
  t.deepEqual(ready({}), { sectors: 50 });
  t.deepEqual(ready({ field: 'sectors' }), { sectors: 50 });
  t.is(ready({ agreed: FEATURE_BUNDLES }), null);
  t.is(ready({ receivedToken: '\0'.repeat(16) }), null);
  t.is(ready({ memberState: 'joining' }), null);
  t.is(ready({ memberState: null }), null);
  t.is(ready({ field: 'rank' }), null);
});
