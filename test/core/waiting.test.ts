import { fc, testProp } from '@fast-check/ava';
import test from 'ava';
import type { ClientOperation } from '../../src/core/register/clientOperation.js';
import type { Waiting } from '../../src/core/register/waiting.js';
import { NOBODY_WAITS, dequeue, enqueue, inOrder, withdraw } from '../../src/core/register/waiting.js';

const operation = (n: number): ClientOperation => ({ kind: 'read', id: String(n) });

/** What to do: a number enters, or leaves from among the waiting, or the first one leaves. */
const steps = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('enter' as const), n: fc.nat(50) }),
    fc.record({ kind: fc.constant('withdraw' as const), n: fc.nat(50) }),
    fc.record({ kind: fc.constant('leave' as const), n: fc.constant(0) }),
  ),
);

testProp('it does what an array would', [steps], (t, todo) => {
  let waiting: Waiting = NOBODY_WAITS;
  let model: ClientOperation[] = [];
  t.deepEqual(inOrder(waiting), model);
  for (const { kind, n } of todo) {
    if (kind === 'enter') {
      waiting = enqueue(waiting, operation(n));
      model.push(operation(n));
    } else if (kind === 'withdraw') {
      waiting = withdraw(waiting, String(n));
      model = model.filter(({ id }) => id !== String(n));
    } else {
      const next = dequeue(waiting);
      t.deepEqual(next?.first, model.shift());
      waiting = next?.rest ?? waiting;
    }
    t.deepEqual(inOrder(waiting), model);
    t.is(waiting.count, model.length);
  }
});

test('an older value is not changed by what becomes of it', (t) => {
  const two = enqueue(enqueue(NOBODY_WAITS, operation(1)), operation(2));
  const one = dequeue(two)?.rest;
  enqueue(two, operation(3));
  t.deepEqual(inOrder(two), [operation(1), operation(2)]);
  t.deepEqual(inOrder(one ?? NOBODY_WAITS), [operation(2)]);
  t.is(withdraw(two, '9'), two);
});
