import test from 'ava';
import { newCounters } from '../../src/core/counters.js';
import { ended, freshFolder, openAt, valueOf } from './realStore.js';

const DATA = new Uint8Array(4_096).fill(7);
const ZEROS = new Uint8Array(4_096);

test('each commit flushes data, if it has any, and metadata; both are counted', async (t) => {
  const counters = newCounters();
  const store = await openAt(await freshFolder(t), {}, undefined, { counters });
  t.deepEqual(counters, newCounters());
  await valueOf(store.put(1, { timestamp: 1n, writeRank: 1 }, DATA));
  t.deepEqual(counters, { ...newCounters(), dataFlushes: 1, metadataFlushes: 1 });
  // Zeros take no slot.
  await valueOf(store.put(2, { timestamp: 1n, writeRank: 1 }, ZEROS));
  t.is(counters.metadataFlushes, 2);
  t.is(counters.dataFlushes, 1);
  await ended(store.notes.put(new Map([['note', new Uint8Array(1)]])));
  t.is(counters.metadataFlushes, 3);
  await ended(store.close());
});
