import test from 'ava';
import {
  forgetSent,
  isEmpty,
  newOutbox,
  addQuestion,
  addReply,
  retireQuestion,
  sendDue,
  sendUnsent,
  acknowledgeReply,
} from '../../src/core/link/outbox.js';

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
  const outbox = newOutbox<Uint8Array>(LIMITS);
  const sent: number[] = [];
  addQuestion(outbox, 'q', bytes('q'));
  for (let nowMs = 0; nowMs <= 1500; nowMs += 10) {
    const note = () => sent.push(nowMs) > 0;
    sendUnsent(outbox, nowMs, note);
    sendDue(outbox, nowMs, note);
    if (nowMs === 1200) retireQuestion(outbox, 'q');
  }
  t.deepEqual(sent, [0, 100, 300, 600, 900, 1200]);
  t.true(isEmpty(outbox));
});

test('a new connection gets all that is outbox, oldest first', (t) => {
  const outbox = newOutbox<Uint8Array>(LIMITS);
  for (const name of ['a', 'b', 'c']) addQuestion(outbox, name, bytes(name));
  sendUnsent(outbox, 0, receiver().send);
  retireQuestion(outbox, 'b');
  forgetSent(outbox);
  const { names, send } = receiver();
  sendUnsent(outbox, 5, send);
  t.deepEqual(names, ['a', 'c']);
});

test('a connection that takes no more is given the rest later', (t) => {
  const outbox = newOutbox<Uint8Array>(LIMITS);
  for (const name of ['a', 'b', 'c']) addQuestion(outbox, name, bytes(name));
  const first = receiver(2);
  sendUnsent(outbox, 0, first.send);
  const second = receiver();
  sendUnsent(outbox, 0, second.send);
  t.deepEqual([...first.names, ...second.names], ['a', 'b', 'c']);
});

test('the same operation asks one question at a time', (t) => {
  const outbox = newOutbox<Uint8Array>(LIMITS);
  addQuestion(outbox, 'q', bytes('readProc'));
  addQuestion(outbox, 'q', bytes('writeProc'));
  const { names, send } = receiver();
  sendUnsent(outbox, 0, send);
  t.deepEqual(names, ['writeProc']);
});

test('a reply is forgotten once sent, for a peer that sends no receipts', (t) => {
  const outbox = newOutbox<Uint8Array>(LIMITS);
  addReply(outbox, 'ack a', bytes('a'));
  sendUnsent(outbox, 0, receiver().send);
  t.true(isEmpty(outbox));
});

test('a reply is outbox until its receipt, for a peer that sends receipts', (t) => {
  const outbox = newOutbox<Uint8Array>(LIMITS);
  outbox.sendsReceipts = true;
  addReply(outbox, 'ack a', bytes('a'));
  const { names, send } = receiver();
  sendUnsent(outbox, 0, send);
  sendDue(outbox, 100, send);
  acknowledgeReply(outbox, 'ack a');
  sendDue(outbox, 1000, send);
  t.deepEqual(names, ['a', 'a']);
  t.true(isEmpty(outbox));
});

test('replies that wait are bounded: the oldest go', (t) => {
  const outbox = newOutbox<Uint8Array>(LIMITS);
  for (let index = 0; index < 10; index += 1) addReply(outbox, `ack ${index}`, bytes(String(index)));
  t.is(outbox.replies.size, 3);
  const { names, send } = receiver();
  sendUnsent(outbox, 0, send);
  t.deepEqual(names, ['7', '8', '9']);
});
