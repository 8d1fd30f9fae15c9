/** Who is at the other end of a connection, and what counts before that is shown. */
import test from 'ava';
import type { ExecutionContext } from 'ava';
import type { MemberMessage } from '../../src/core/membership/memberMessage.js';
import { LINK_TOKEN_NONE } from '../../src/core/membership/memberMessage.js';
import { createFrameDecoder } from '../../src/wire/frame.js';
import { SERVER_MESSAGES } from '../../src/wire/messageTypes.js';
import { serializeMemberMessage } from '../../src/wire/memberMessages.js';
import { createTagger } from '../../src/wire/tag.js';
import { processBytes, requestBytes } from '../helpers/bytes.js';
import { CLIENT_KEY, ID, SYSTEM_KEY } from '../wire/messages.js';
import { configurationOf, helloBytes, hellosTold, introduce, oldHelloFrom } from './hello.js';
import type { TestConnection } from './virtualProcess.js';
import { TIMEOUTS, startVirtual } from './virtualProcess.js';

const tagger = createTagger(SYSTEM_KEY);
const OLD_DISK = 'o'.repeat(16);

const start = (t: ExecutionContext, memberState: 'member' | 'fresh' = 'member', isExtended = false) =>
  startVirtual(3, (error) => t.fail(String(error)), memberState, isExtended);

const ask = (sender: number): Buffer =>
  processBytes({ kind: 'READ_PROC', sender, id: ID, sector: 7n, register: null }, SYSTEM_KEY);

/** The token that the process has given that connection. */
const tokenOf = (connection: TestConnection): string => hellosTold(connection).at(-1)!.token;

/** Whether the process has answered a question about a sector. */
const answers = (connection: TestConnection | undefined): number =>
  connection?.take().filter((message) => 'kind' in message && message.kind === 'VALUE').length ?? 0;

test('a HELLO is answered with a token, and has no effect before that was echoed', (t) => {
  const { connect, pass, running, dialled } = start(t);
  const peer = connect();
  const replaced = { known: OLD_DISK, incarnations: [1, 0, 0] };
  peer.receive(Buffer.concat([helloBytes({ sender: 2 }, replaced), ask(2)]));
  pass(1);
  const [answer] = hellosTold(peer);
  t.like(answer, { sender: 1, addressee: 2, echo: 't'.repeat(16) });
  t.is(running.inquire('status').objections, undefined);
  dialled.get(2)?.take();
  t.is(answers(dialled.get(2)), 0, 'nor is what came behind it taken in');
  const { token: echo } = answer;
  peer.receive(Buffer.concat([helloBytes({ sender: 2, echo }, replaced), ask(2)]));
  pass(1);
  t.deepEqual(running.inquire('status').objections, [{ kind: 'replaced', by: 2 }]);
});

test('a HELLO that was recorded is worth nothing on another connection', (t) => {
  const { connect, pass, running } = start(t);
  const recorded: Buffer[] = [];
  for (const sender of [2, 3]) {
    const peer = connect();
    peer.receive(helloBytes({ sender }));
    pass(1);
    const said = { known: OLD_DISK, incarnations: [1, 0, 0] };
    recorded.push(helloBytes({ sender, echo: tokenOf(peer) }, said));
  }
  for (const replayed of recorded) {
    const stranger = connect();
    stranger.receive(replayed);
    pass(1);
    stranger.receive(Buffer.concat([replayed, replayed]));
    pass(1);
  }
  t.is(running.stats().memberState, 'member');
  t.is(running.inquire('status').objections, undefined);
});

test('who takes this process for another one is told, and its connection ends', (t) => {
  const { connect, pass, running } = start(t);
  const lost = connect();
  lost.receive(helloBytes({ sender: 3, addressee: 2 }));
  pass(1);
  t.deepEqual(lost.calls, [], 'it may be a replay, and hears who is here');
  const echo = tokenOf(lost);
  const said = { known: OLD_DISK, incarnations: [1, 0, 0] };
  lost.receive(helloBytes({ sender: 3, addressee: 2, echo }, said));
  pass(1);
  t.deepEqual(lost.calls, ['end']);
  const { differences, objections } = running.inquire('status');
  t.deepEqual(differences, [{ rank: 3, field: 'addressee', own: 1, peer: 2 }]);
  t.is(objections, undefined);
  introduce({ connect, pass }, 3);
  t.is(running.inquire('status').differences, undefined, 'once it is put right');
});

test('where another process answers than the one that was dialled, that is told', (t) => {
  const { pass, dialled, running } = start(t);
  const connection = dialled.get(2)!;
  const { token: echo } = hellosTold(connection).at(-1)!;
  connection.receive(helloBytes({ sender: 3, echo: 'w'.repeat(16) }));
  pass(1);
  t.is(running.inquire('status').differences, undefined, 'of another connection');
  connection.receive(helloBytes({ sender: 3, echo }));
  pass(1);
  t.deepEqual(running.inquire('status').differences, [{ rank: 2, field: 'rank', own: 2, peer: 3 }]);
});

test('what has to be the same in all processes, and is not, keeps the peer out', (t) => {
  for (const [fields, isOut] of [
    [{ configuration: { ...configurationOf(5) }, incarnations: [0, 0, 0, 0, 0] }, true],
    [{ configuration: { ...configurationOf(3), mode: 1 } }, true],
    [{ configuration: { ...configurationOf(3), sectors: 50 } }, false],
    [{ configuration: { ...configurationOf(3), addresses: 'z'.repeat(16) } }, false],
  ] as const) {
    const process = start(t);
    const peer = introduce(process, 2, fields);
    process.dialled.get(2)?.take();
    peer.receive(ask(2));
    process.pass(1);
    t.is(answers(process.dialled.get(2)), isOut ? 0 : 1);
    t.is(process.running.inquire('status').differences?.length, 1);
  }
});

test('a peer with a longer list is told though it has a rank that there is not', (t) => {
  const process = start(t);
  const configuration = configurationOf(5);
  introduce(process, 5, { configuration, incarnations: [0, 0, 0, 0, 0] });
  t.deepEqual(process.running.inquire('status').differences, [{ rank: 5, field: 'processes', own: 3, peer: 5 }]);
});

test('one that dials nobody is heard where it is dialled, when a cluster is founded', (t) => {
  const process = start(t, 'fresh');
  const { dialled, pass, running } = process;
  introduce(process, 2, { memberState: 'fresh' });
  const { token: echo } = hellosTold(dialled.get(3)!).at(-1)!;
  const alone = {
    memberState: 'fresh',
    configuration: configurationOf(1),
    incarnations: [0],
  } as const;
  dialled.get(3)!.receive(helloBytes({ sender: 3, echo }, alone));
  pass(1);
  t.is(running.stats().memberState, 'member');
});

test('what was sent before the other side knew who this is is sent again', (t) => {
  const { dialled, pass, connect } = start(t);
  const read = { kind: 'READ', requestNumber: 1n, sector: 7n, data: null } as const;
  connect().receive(requestBytes(read, CLIENT_KEY));
  pass(1);
  const connection = dialled.get(2)!;
  const { token: echo } = hellosTold(connection).at(-1)!;
  const asked = connection.take();
  t.like(asked.at(-1), { kind: 'READ_PROC', sector: 7n });
  connection.receive(helloBytes({ sender: 2, echo, token: 'n'.repeat(16) }));
  pass(1);
  const [again] = hellosTold(connection);
  t.like(again, { echo: 'n'.repeat(16), addressee: 2, sender: 1 });
  t.deepEqual(connection.take().at(-1), asked.at(-1), 'behind the HELLO that shows who this is');
});

const link = (sender: number, echo: string, features: number): Buffer => {
  const content: MemberMessage = { kind: 'link', token: 'l'.repeat(16), echo, features };
  return serializeMemberMessage({ sender, content }, tagger);
};

test('version 1 counts once its LINK has echoed the token of the connection to it', (t) => {
  const { connect, pass, running, dialled } = start(t, 'member', true);
  const said = { known: OLD_DISK, incarnations: [1, 0, 0] };
  const sent = createFrameDecoder(SERVER_MESSAGES)
    .push(Buffer.concat(dialled.get(2)!.written))
    .map(({ type, bytes }) => type.parse(bytes));
  const ours = sent.find(({ family }) => family === 'link');
  const token = ours?.family === 'link' ? ours.token : '';
  const peer = connect();
  for (const bytes of [
    oldHelloFrom(2, said),
    link(2, LINK_TOKEN_NONE, 1),
    link(2, 'w'.repeat(16), 1),
    // Its sender speaks version 2: the HELLO before is not its own.
    link(2, token, 3),
    link(3, token, 1),
  ]) {
    peer.receive(bytes);
    pass(1);
    t.is(running.inquire('status').objections, undefined);
  }
  peer.receive(link(2, token, 1));
  pass(1);
  t.deepEqual(running.inquire('status').objections, [{ kind: 'replaced', by: 2 }]);
});

test('version 1 without LINK counts once it has answered what it is asked', (t) => {
  const { connect, pass, running, dialled } = start(t, 'fresh');
  pass(TIMEOUTS.graceMs + 1);
  const asked = dialled
    .get(2)!
    .take()
    .find((one) => 'kind' in one && one.kind === 'READ_PROC');
  const id = asked?.family === 'process' ? asked.id : '';
  const peer = connect();
  const value = (sender: number, under: string): Buffer => {
    const register = { timestamp: 0n, writeRank: 0, data: Buffer.alloc(4096) };
    const answer = { kind: 'VALUE', sender, id: under, sector: 0n, register } as const;
    return processBytes(answer, SYSTEM_KEY);
  };
  for (const bytes of [
    // It knows of another disk in the place of this one.
    oldHelloFrom(2, { known: OLD_DISK }),
    value(2, ID),
    value(3, id),
  ]) {
    peer.receive(bytes);
    pass(1);
    t.is(running.stats().memberState, 'fresh');
  }
  peer.receive(value(2, id));
  pass(1);
  t.is(running.stats().memberState, 'joining');
});

test('nor does an answer of one that has said HELLO in version 2', (t) => {
  const process = start(t, 'fresh');
  const { connect, pass, running, dialled } = process;
  pass(TIMEOUTS.graceMs + 1);
  const asked = dialled
    .get(2)!
    .take()
    .find((one) => 'kind' in one && one.kind === 'READ_PROC');
  const id = asked?.family === 'process' ? asked.id : '';
  introduce(process, 2, { memberState: 'fresh' });
  const stranger = connect();
  const register = { timestamp: 0n, writeRank: 0, data: Buffer.alloc(4096) };
  const answer = { kind: 'VALUE', sender: 2, id, sector: 0n, register } as const;
  const overheard = processBytes(answer, SYSTEM_KEY);
  stranger.receive(Buffer.concat([oldHelloFrom(2, { known: OLD_DISK }), overheard]));
  pass(1);
  t.is(running.stats().memberState, 'fresh');
});

test('what a member says in the name of this process counts for nothing', (t) => {
  const process = start(t);
  const liar = introduce(process, 1, { known: OLD_DISK, incarnations: [1, 0, 0] });
  liar.receive(ask(2));
  process.pass(1);
  t.is(process.running.inquire('status').objections, undefined);
});

test('who has said HELLO in version 2 is not heard in version 1', (t) => {
  const process = start(t);
  const peer = introduce(process, 2);
  peer.receive(oldHelloFrom(2, { known: OLD_DISK, incarnations: [1, 0, 0] }));
  process.pass(TIMEOUTS.graceMs);
  t.is(process.running.inquire('status').objections, undefined);
});

test('version 1 is said to those who have not shown to speak version 2', (t) => {
  const { pass, dialled } = start(t);
  const connection = dialled.get(2)!;
  const families = (): string[] =>
    createFrameDecoder(SERVER_MESSAGES)
      .push(Buffer.concat(connection.written.splice(0)))
      .map(({ type, bytes }) => type.parse(bytes).family);
  const { token: echo } = hellosTold(connection).at(-1)!;
  t.deepEqual(families().slice(0, 2), ['hello', 'oldHello']);
  connection.receive(helloBytes({ sender: 2, echo }));
  pass(1);
  t.deepEqual(families(), ['hello']);
});
