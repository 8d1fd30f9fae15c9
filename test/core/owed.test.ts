import test from 'ava';
import {
  forgetSent,
  isSettled,
  nothingOwed,
  oweQuestion,
  oweReply,
  retireQuestion,
  sendDue,
  sendUnsent,
  settleReply,
} from '../../src/core/link/owed.js';

const LIMITS = { retransmitMs: 100, retransmitMsMax: 300, repliesMax: 3 };
const bytes = (name: string) => Uint8Array.from(name, (letter) => letter.charCodeAt(0));

/** A place to send to that notes what came and takes so many. */
function receiver(takes = Infinity) {
  const names: string[] = [];
  const send = (sent: Uint8Array): boolean => {
    if (names.length >= takes) return false;
    names.push(String.fromCharCode(...sent));
    return true;
  };
  return { names, send };
}

test('a question is sent at once, again after ever longer delays, and never after its end', (t) => {
  const owed = nothingOwed<Uint8Array>(LIMITS);
  const sent: number[] = [];
  oweQuestion(owed, 'q', bytes('q'));
  for (let nowMs = 0; nowMs <= 1500; nowMs += 10) {
    const note = () => sent.push(nowMs) > 0;
    sendUnsent(owed, nowMs, note);
    sendDue(owed, nowMs, note);
    if (nowMs === 1200) retireQuestion(owed, 'q');
  }
  t.deepEqual(sent, [0, 100, 300, 600, 900, 1200]);
  t.true(isSettled(owed));
});

test('a new connection gets all that is owed, oldest first', (t) => {
  const owed = nothingOwed<Uint8Array>(LIMITS);
  for (const name of ['a', 'b', 'c']) oweQuestion(owed, name, bytes(name));
  sendUnsent(owed, 0, receiver().send);
  retireQuestion(owed, 'b');
  forgetSent(owed);
  const { names, send } = receiver();
  sendUnsent(owed, 5, send);
  t.deepEqual(names, ['a', 'c']);
});

test('a connection that takes no more is given the rest later', (t) => {
  const owed = nothingOwed<Uint8Array>(LIMITS);
  for (const name of ['a', 'b', 'c']) oweQuestion(owed, name, bytes(name));
  const first = receiver(2);
  sendUnsent(owed, 0, first.send);
  const second = receiver();
  sendUnsent(owed, 0, second.send);
  t.deepEqual([...first.names, ...second.names], ['a', 'b', 'c']);
});

test('the same operation asks one question at a time', (t) => {
  const owed = nothingOwed<Uint8Array>(LIMITS);
  oweQuestion(owed, 'q', bytes('readProc'));
  oweQuestion(owed, 'q', bytes('writeProc'));
  const { names, send } = receiver();
  sendUnsent(owed, 0, send);
  t.deepEqual(names, ['writeProc']);
});

test('a reply is forgotten once sent, for a peer that sends no receipts', (t) => {
  const owed = nothingOwed<Uint8Array>(LIMITS);
  oweReply(owed, 'ack a', bytes('a'));
  sendUnsent(owed, 0, receiver().send);
  t.true(isSettled(owed));
});

test('a reply is owed until its receipt, for a peer that sends receipts', (t) => {
  const owed = nothingOwed<Uint8Array>(LIMITS);
  owed.sendsReceipts = true;
  oweReply(owed, 'ack a', bytes('a'));
  const { names, send } = receiver();
  sendUnsent(owed, 0, send);
  sendDue(owed, 100, send);
  settleReply(owed, 'ack a');
  sendDue(owed, 1000, send);
  t.deepEqual(names, ['a', 'a']);
  t.true(isSettled(owed));
});

test('replies that wait are bounded: the oldest go', (t) => {
  const owed = nothingOwed<Uint8Array>(LIMITS);
  for (let index = 0; index < 10; index += 1) oweReply(owed, `ack ${index}`, bytes(String(index)));
  t.is(owed.replies.size, 3);
  t.is(owed.droppedReplyCount, 7);
  const { names, send } = receiver();
  sendUnsent(owed, 0, send);
  t.deepEqual(names, ['7', '8', '9']);
});
