/**
 * A process in virtual time that hears that a peer has lost its disk, while an operation of its own rests on what that
 * disk said: docs/adr/0013-membership.md, step 2. The peer takes in what is listed, and votes then, so that what was
 * counted of its former disk and is not listed is lost.
 */
import type { ExecutionContext } from 'ava';
import test from 'ava';
import { Subject } from 'rxjs';
import type { MemberMessage } from '../../src/core/membership/memberMessage.js';
import type { RegisterMessage } from '../../src/core/message.js';
import type { Stamp } from '../../src/core/stamp.js';
import { createFrameDecoder } from '../../src/wire/frame.js';
import { SERVER_MESSAGES } from '../../src/wire/messageTypes.js';
import { serializeMemberMessage } from '../../src/wire/memberMessages.js';
import { serializeProcessMessage } from '../../src/wire/serialize.js';
import { createTagger } from '../../src/wire/tag.js';
import type { WireMessage } from '../../src/wire/wireMessage.js';
import { stamp } from '../core/make.js';
import { requestBytes } from '../helpers/bytes.js';
import { CLIENT_KEY, DATA, SYSTEM_KEY } from '../wire/messages.js';
import type { FullHello } from './hello.js';
import { introduce } from './hello.js';
import type { TestConnection } from './virtualProcess.js';
import { TIMEOUTS, startVirtual } from './virtualProcess.js';

const SECTOR = 7;
const tagger = createTagger(SYSTEM_KEY);

const requested = (kind: 'READ' | 'WRITE', n: number, sector: number): Buffer => {
  const data = kind === 'READ' ? null : DATA;
  const request = { kind, requestNumber: BigInt(n), sector: BigInt(sector), data };
  return requestBytes(request, CLIENT_KEY);
};

const signed = (sender: number, content: MemberMessage): Uint8Array =>
  serializeMemberMessage({ sender, content }, tagger);

const helloOf = (rank: number, incarnation: number): Partial<FullHello> => ({
  memberState: incarnation === 0 ? 'member' : 'joining',
  storage: `${rank}${incarnation}`.repeat(8),
  incarnation,
  incarnations: [0, rank === 2 ? incarnation : 0, 0],
});

/** What arrived there since the last call. */
function arrived(connection: TestConnection | undefined): WireMessage[] {
  const bytes = Buffer.concat(connection?.written.splice(0) ?? []);
  return createFrameDecoder(SERVER_MESSAGES)
    .push(bytes)
    .map(({ type, bytes: frame }) => type.parse(frame));
}

/** Process 1 of three, which has written before: its stamps end in the number of its life. */
function start(t: ExecutionContext) {
  const running = startVirtual(3, (error) => t.fail(String(error)), 'member', true);
  const { connect, dialled, disk, pass } = running;
  const client = connect();
  const peerOf = (rank: number, incarnation: number): TestConnection => {
    const peer = introduce(running, rank, helloOf(rank, incarnation));
    pass(2_000);
    return peer;
  };
  const [two, three] = [peerOf(2, 0), peerOf(3, 0)];
  const say = (peer: TestConnection, sector: number, content: RegisterMessage): void => {
    const sender = peer === three ? 3 : 2;
    peer.receive(serializeProcessMessage({ sender, sector, content }, tagger));
    pass(1);
  };
  /** What process 3 was asked last. */
  const asked = (): RegisterMessage => {
    const last = arrived(dialled.get(3)).at(-1);
    if (last?.family !== 'process') throw new Error('process 3 was asked nothing');
    return last.content;
  };
  /** A WRITE up to the moment at which it is sent to all. */
  const beginWrite = (n: number, sector: number) => {
    client.receive(requested('WRITE', n, sector));
    pass(1);
    const { id } = asked();
    say(three, sector, { kind: 'stamp', id, stamp: stamp(0, 0) });
    const message = asked();
    if (message.kind !== 'writeProc') throw new Error(`${message.kind} instead of WRITE_PROC`);
    return message;
  };
  const { id } = beginWrite(1, 0);
  say(three, 0, { kind: 'ack', id });
  client.take();
  arrived(dialled.get(2));

  /** The peer's disk is lost. @returns a connection of the one that is in its place. */
  const replaceTwo = (): TestConnection => peerOf(2, 1);
  /** The stamps, from that sector on, that the new one is told; null: it gets no answer. */
  const listed = (peer: TestConnection): readonly Stamp[] | null => {
    arrived(dialled.get(2));
    peer.receive(signed(2, { kind: 'list', id: 'l'.repeat(16), from: SECTOR }));
    pass(1);
    const answer = arrived(dialled.get(2)).find(({ family }) => family === 'listed');
    return answer?.family === 'listed' ? answer.entries().map((entry) => entry.stamp) : null;
  };
  return { client, two, three, say, asked, beginWrite, replaceTwo, listed, disk, pass };
}

test('an ACK of a disk that is lost, which waits behind the own flush, does not count', (t) => {
  const { client, two, three, say, beginWrite, replaceTwo, listed, disk, pass } = start(t);
  const flushed$ = new Subject<void>();
  disk.state.flushed$ = flushed$;
  const { id, stamp: written } = beginWrite(2, SECTOR);
  say(two, SECTOR, { kind: 'ack', id });
  const peer = replaceTwo();
  t.is(listed(peer), null, 'not while the WRITE may still count the disk that is lost');
  flushed$.next();
  pass(1);
  t.deepEqual(client.take(), [], 'on one disk that is not lost');
  t.deepEqual(listed(peer), [written]);
  say(three, SECTOR, { kind: 'ack', id });
  t.like(client.take(), [{ status: 'Ok', requestNumber: 2n }], 'on two');
});

test('nor does a STAMP', (t) => {
  const { client, two, three, say, asked, replaceTwo, listed, disk, pass } = start(t);
  const flushed$ = new Subject<void>();
  client.receive(requested('READ', 2, SECTOR));
  pass(1);
  const { id } = asked();
  disk.state.flushed$ = flushed$;
  const written = stamp(5, 2);
  say(two, SECTOR, { kind: 'writeProc', id: 'w'.repeat(16), stamp: written, data: DATA });
  say(two, SECTOR, { kind: 'stamp', id, stamp: written });
  const peer = replaceTwo();
  t.is(listed(peer), null);
  flushed$.next();
  pass(1);
  t.deepEqual(client.take(), [], 'a READ that follows could find only those who lack it');
  t.deepEqual(listed(peer), [written]);
  say(three, SECTOR, { kind: 'stamp', id, stamp: stamp(0, 0) });
  const message = asked();
  t.like(message, { kind: 'writeProc', stamp: written }, 'it is written back');
  say(three, SECTOR, { kind: 'ack', id });
  t.like(client.take(), [{ status: 'Ok', requestNumber: 2n, data: DATA }]);
});

test('what was counted before it was lost is on the own disk before that is listed', (t) => {
  const { client, two, say, beginWrite, replaceTwo, listed, disk, pass } = start(t);
  const flushed$ = new Subject<void>();
  disk.state.isFull = true;
  const { id, stamp: written } = beginWrite(2, SECTOR);
  say(two, SECTOR, { kind: 'ack', id });
  disk.state.isFull = false;
  disk.state.flushed$ = flushed$;
  pass(TIMEOUTS.fullRetryMs);
  const peer = replaceTwo();
  t.is(listed(peer), null, 'the own flush of what the lost disk had is under way');
  flushed$.next();
  pass(1);
  t.like(client.take(), [{ status: 'Ok', requestNumber: 2n }]);
  t.deepEqual(listed(peer), [written], 'so that the one in its place takes it in');
});
