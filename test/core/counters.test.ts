import test from 'ava';
import { countWrite, newCounters } from '../../src/core/counters.js';

test('what goes to peers and what goes to clients is counted apart', (t) => {
  const counters = newCounters();
  countWrite(counters, 'peer', [new Uint8Array(56), new Uint8Array(4_152)]);
  countWrite(counters, 'peer', [new Uint8Array(10)]);
  countWrite(counters, 'client', [new Uint8Array(48)]);
  t.deepEqual(counters, {
    ...newCounters(),
    ...{ peerMessages: 3, peerBytes: 4_218, peerWrites: 2 },
    ...{ clientMessages: 1, clientBytes: 48, clientWrites: 1 },
  });
});
