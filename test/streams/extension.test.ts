/** A process and its peers' extension, in virtual time: what it says, and when. */
import type { ExecutionContext } from 'ava';
import test from 'ava';
import type { MemberMessage } from '../../src/core/membership/memberMessage.js';
import { LINK_TOKEN_NONE } from '../../src/core/membership/memberMessage.js';
import type { RegisterMessage } from '../../src/core/message.js';
import { createFrameDecoder } from '../../src/wire/frame.js';
import { SERVER_MESSAGES } from '../../src/wire/messageTypes.js';
import { serializeMemberMessage } from '../../src/wire/memberMessages.js';
import { serializeProcessMessage } from '../../src/wire/serialize.js';
import { createTagger } from '../../src/wire/tag.js';
import type { WireMessage } from '../../src/wire/wireMessage.js';
import { stamp } from '../core/make.js';
import { requestBytes } from '../helpers/bytes.js';
import { CLIENT_KEY, DATA, SYSTEM_KEY } from '../wire/messages.js';
import { introduce } from './hello.js';
import type { TestConnection } from './virtualProcess.js';
import { TIMEOUTS, startVirtual } from './virtualProcess.js';

const tagger = createTagger(SYSTEM_KEY);
const TOKEN = 'b'.repeat(16);

const read = (n: number, sector: number): Buffer =>
  requestBytes({ kind: 'READ', requestNumber: BigInt(n), sector: BigInt(sector), data: null }, CLIENT_KEY);
const write = (n: number, sector: number): Buffer =>
  requestBytes({ kind: 'WRITE', requestNumber: BigInt(n), sector: BigInt(sector), data: DATA }, CLIENT_KEY);
const of = (sender: number, sector: number, content: RegisterMessage): Uint8Array =>
  serializeProcessMessage({ sender, sector, content }, tagger);

/** What arrived at the other side since the last call. */
function take(connection: TestConnection | undefined): WireMessage[] {
  const bytes = Buffer.concat(connection?.written.splice(0) ?? []);
  return createFrameDecoder(SERVER_MESSAGES)
    .push(bytes)
    .map(({ type, bytes: frame }) => type.parse(frame));
}

const kindOf = (message: WireMessage): string => (message.family === 'process' ? message.content.kind : message.family);
const kinds = (messages: readonly WireMessage[]): string[] => messages.map(kindOf);

function start(t: ExecutionContext, isExtended = true) {
  const process = startVirtual(3, (error) => t.fail(String(error)), 'member', isExtended);
  const tokenOf = (rank: number): string => {
    const link = take(process.dialled.get(rank)).find(({ family }) => family === 'link');
    return link?.family === 'link' ? link.token : LINK_TOKEN_NONE;
  };
  const helloCommandFor = (rank: number, echo: string): Uint8Array => {
    const hello: MemberMessage = {
      kind: 'oldHello',
      memberState: 'member',
      storage: String(rank).repeat(16),
      incarnation: 0,
      known: null,
      incarnations: [0, 0, 0],
    };
    const link: MemberMessage = { kind: 'link', token: TOKEN, echo, features: 1 };
    return Buffer.concat([hello, link].map((content) => serializeMemberMessage({ sender: rank, content }, tagger)));
  };
  /** A connection of that peer, which knows how ours is called. */
  const agree = (rank: number): TestConnection => {
    const peer = process.connect();
    peer.receive(helloCommandFor(rank, tokenOf(rank)));
    process.pass(2_000);
    take(process.dialled.get(rank));
    return peer;
  };
  return { ...process, tokenOf, helloCommandFor, agree };
}

test('until a peer has echoed the token of the connection, it is spoken to as any other', (t) => {
  const process = start(t);
  const { connect, pass, dialled } = process;
  const client = connect();
  client.receive(read(1, 7));
  pass(1);
  const sent = take(dialled.get(2));
  t.deepEqual(kinds(sent), ['hello', 'oldHello', 'link', 'readProc']);
  const content = { kind: 'link', token: TOKEN, echo: 'x'.repeat(16), features: 3 } as const;
  introduce(process, 2).receive(serializeMemberMessage({ sender: 2, content }, tagger));
  pass(1);
  const link = take(dialled.get(2)).findLast(({ family }) => family === 'link');
  t.like(link, { echo: TOKEN }, 'it is told at once what its own connection is called');
  client.receive(read(2, 8));
  pass(1);
  t.deepEqual(kinds(take(dialled.get(2))).at(-1), 'readProc');
});

test('a peer that has agreed is asked for stamps, several in one bundle', (t) => {
  const { connect, pass, dialled, agree } = start(t);
  const peer = agree(2);
  const client = connect();
  client.receive(Buffer.concat([read(1, 7), read(2, 8)]));
  pass(1);
  const [bundle, ...rest] = take(dialled.get(2));
  t.deepEqual(rest, []);
  const messages = bundle.family === 'bundle' ? bundle.messages() : null;
  if (messages === null) return t.fail();
  t.deepEqual(kinds(messages), ['readStamp', 'readStamp']);
  t.deepEqual(kinds(take(dialled.get(3))).slice(-2), ['readProc', 'readProc']);
  const { id } = messages[0].content;
  peer.receive(of(2, 7, { kind: 'stamp', id, stamp: stamp(0, 0) }));
  pass(1);
  t.like(client.take(), [{ status: 'Ok', requestNumber: 1n }], 'one round was enough');
});

test('a new connection to a peer is one on which nothing is agreed', (t) => {
  const { connect, pass, dialled, agree } = start(t);
  agree(2);
  const former = dialled.get(2);
  former?.close();
  pass(TIMEOUTS.reconnectMsMax);
  t.not(dialled.get(2), former);
  connect().receive(read(1, 7));
  pass(1);
  const sent = kinds(take(dialled.get(2)));
  t.deepEqual(sent.slice(0, 3), ['hello', 'oldHello', 'link']);
  t.is(sent.at(-1), 'readProc');
});

test('a value that others have is fetched from one of them, and in the end from all', (t) => {
  const { connect, pass, dialled, agree } = start(t);
  const two = agree(2);
  agree(3);
  const client = connect();
  client.receive(read(1, 7));
  pass(1);
  const [asked] = take(dialled.get(2));
  t.deepEqual(kinds(take(dialled.get(3))), ['readStamp']);
  if (asked.family !== 'process') return t.fail();
  const { id } = asked.content;
  two.receive(of(2, 7, { kind: 'stamp', id, stamp: stamp(5, 2) }));
  pass(TIMEOUTS.fetchMs - 1);
  t.deepEqual(kinds(take(dialled.get(2))), ['readProc']);
  t.deepEqual(take(dialled.get(3)), []);
  pass(2);
  t.deepEqual(kinds(take(dialled.get(3))), ['readProc']);
});

test('a WRITE is flushed here and there at the same time, once the life has a number', (t) => {
  const { connect, pass, dialled, agree, disk } = start(t);
  const two = agree(2);
  agree(3);
  const client = connect();
  const writeOnce = (n: number, putsBefore: number): void => {
    const before = disk.state.putCount;
    disk.state.isFull = true;
    client.receive(write(n, n));
    pass(1);
    const [asked] = take(dialled.get(2));
    if (asked.family !== 'process') return t.fail();
    const { id } = asked.content;
    two.receive(of(2, n, { kind: 'stamp', id, stamp: stamp(0, 0) }));
    pass(1);
    t.deepEqual(kinds(take(dialled.get(2))), putsBefore === 1 ? [] : ['writeProc']);
    t.is(disk.state.putCount, before, 'there is no room here');
    disk.state.isFull = false;
    pass(TIMEOUTS.fullRetryMs + 1);
    t.is(disk.state.putCount, before + 1);
    two.receive(of(2, n, { kind: 'ack', id }));
    pass(1);
    t.like(client.take(), [{ status: 'Ok', requestNumber: BigInt(n) }]);
    take(dialled.get(2));
  };
  writeOnce(1, 1);
  writeOnce(2, 0);
  t.is(disk.held.get(1)?.stamp.timestamp, 2n << 24n, 'timestamps leave room for lives');
});

test('a process with the extension off says and understands nothing of it', (t) => {
  const { connect, pass, dialled, helloCommandFor } = start(t, false);
  const peer = connect();
  peer.receive(helloCommandFor(2, LINK_TOKEN_NONE));
  connect().receive(read(1, 7));
  pass(1);
  t.false(take(dialled.get(2)).some(({ family }) => family === 'link' || family === 'bundle'));
});
