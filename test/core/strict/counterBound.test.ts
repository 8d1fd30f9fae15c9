/** How far a stamp may be above what a replica knows. */
import test from 'ava';
import { COUNTER_AHEAD_MAX, tooFarAhead } from '../../../src/core/strict/counterBound.js';
import { STRICT_STAMP_INITIAL } from '../../../src/core/strict/version.js';
import { range } from './make.js';

const order = (counter: bigint) =>
  ({ kind: 'order', range: range(0, 1), stamp: { counter, coordinator: 'c'.repeat(16) }, wants: 'nothing' }) as const;

test('a stamp up to 2^40 above the highest known is believed, and no other', (t) => {
  t.is(tooFarAhead(order(100n + COUNTER_AHEAD_MAX), 100n), null);
  t.is(tooFarAhead(order(5n), 100n), null);
  t.is(
    tooFarAhead(order(101n + COUNTER_AHEAD_MAX), 100n),
    'the counter 1099511627877 of a stamp is more than 1099511627776 above 100, the highest known',
  );
});

test('whatever has a stamp is looked at', (t) => {
  const { stamp } = order(1n << 62n);
  const where = range(0, 1);
  t.not(tooFarAhead({ kind: 'store', range: where, stamp, origin: STRICT_STAMP_INITIAL, data: 'zeros' }, 0n), null);
  t.not(tooFarAhead({ kind: 'learn', range: where, stamp, origin: STRICT_STAMP_INITIAL, data: 'zeros' }, 0n), null);
  t.not(tooFarAhead({ kind: 'concluded', range: where, stamp, lacking: [] }, 0n), null);
  t.is(tooFarAhead({ kind: 'query', range: where, wantsData: true }, 0n), null);
});
