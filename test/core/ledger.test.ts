import test from 'ava';
import { AssertionFailure } from '../../src/core/assert.js';
import type { Ledger } from '../../src/core/ledger.js';
import {
  SESSION_SHARE_MIN,
  emptyLedger,
  endOperation,
  enterOperation,
  mayBegin,
  abandonOperations,
} from '../../src/core/ledger.js';

const entry = (session: string, sector = 0) => ({ session, sector, request: 'read', requestNumber: 1n }) as const;

function enter(ledger: Ledger<string>, session: string, count: number): void {
  for (let index = 0; index < count; index += 1) {
    enterOperation(ledger, `${session}${index}`, entry(session, index));
  }
}

test('a session may have as many operations under way as its limit', (t) => {
  const ledger = emptyLedger<string>({ operations: 1000, operationsPerConnection: 3 });
  enter(ledger, 'a', 2);
  t.true(mayBegin(ledger, 'a'));
  enterOperation(ledger, 'more', entry('a'));
  t.false(mayBegin(ledger, 'a'));
  endOperation(ledger, 'a0');
  t.true(mayBegin(ledger, 'a'));
});

test('many sessions share the whole, and none is left without', (t) => {
  const ledger = emptyLedger<string>({ operations: 20, operationsPerConnection: 10 });
  enter(ledger, 'a', 6);
  t.true(mayBegin(ledger, 'a'), 'alone it may have ten');
  for (const session of ['b', 'c', 'd']) enter(ledger, session, 1);
  t.false(mayBegin(ledger, 'a'), 'of four it may have five');
  t.true(mayBegin(ledger, 'b'));
  for (let index = 0; index < 100; index += 1) enter(ledger, `s${index}-`, 1);
  t.true(mayBegin(ledger, 'b'), `each may have ${SESSION_SHARE_MIN}`);
});

test('operations are found by session, and end once', (t) => {
  const ledger = emptyLedger<string>({ operations: 20, operationsPerConnection: 10 });
  enter(ledger, 'a', 2);
  enter(ledger, 'b', 1);
  t.deepEqual(abandonOperations(ledger, 'a'), [
    { id: 'a0', sector: 0 },
    { id: 'a1', sector: 1 },
  ]);
  t.is(endOperation(ledger, 'a0').session, 'a');
  t.throws(() => endOperation(ledger, 'a0'), { instanceOf: AssertionFailure });
  endOperation(ledger, 'a1');
  endOperation(ledger, 'b0');
  t.is(ledger.entries.size, 0);
  t.is(ledger.bySession.size, 0);
});
