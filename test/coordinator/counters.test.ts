/** The end of the counters of stamps: an operation that would need one fails, and nothing else does. */
import test from 'ava';
import { StampSource } from '../../src/coordinator/heard.js';
import { nextStamp } from '../../src/core/stamp.js';
import { COUNTER_REFUSED, coordinatorOfRank } from '../../src/core/strict/version.js';
import type { AtomicDiskError } from '../../src/errors.js';
import { MemoryCluster } from './memoryCluster.js';
import { sectorNamed } from './values.js';
import { namesRead, watch } from './watch.js';

test('a write that has no stamp left above a promise fails, and the coordinator goes on', (t) => {
  const cluster = new MemoryCluster({ seed: 1 });
  const client = cluster.addClient();
  const { coordinator } = client;
  watch(coordinator.writeRange({ first: 2, count: 1 }, sectorNamed('a')));
  cluster.advance(50);
  const last = { counter: COUNTER_REFUSED - 1n, coordinator: 'x'.repeat(16) };
  for (const { replica } of cluster.hosts) {
    replica.handle({ kind: 'order', range: { first: 1, count: 1 }, stamp: last, wants: 'nothing' });
  }
  const write = watch(coordinator.writeRange({ first: 1, count: 1 }, sectorNamed('b')));
  cluster.advance(200);
  const { code, message } = write.end as AtomicDiskError;
  t.is(code, 'ATDD_COUNTERS_USED_UP');
  t.is(
    message,
    'write of sector 1 was given up before any replica was told to store it: it has no effect: ' +
      'the next stamp would have the counter 9223372036854775808, and counters are below 9223372036854775808',
  );
  t.deepEqual(namesRead(cluster, client, 2), ['a'], 'what needs no stamp is served');
  t.deepEqual([coordinator.stats.running, coordinator.stats.waiting], [0, 0]);
});

test('above a stamp of the open mode the next one leaves room for a step of that mode', (t) => {
  const heard = (coordinator: string): bigint => {
    const source = new StampSource('c'.repeat(16));
    const promised = { counter: 5n << 24n, coordinator };
    source.hear({ kind: 'stored', runs: [{ count: 1, outcome: 'refused', promised }] });
    return source.draw().counter;
  };
  t.is(heard('d'.repeat(16)), (5n << 24n) + 1n);
  const policy = { incarnation: 255, boot: 65_535, isPlain: false };
  const step = nextStamp({ timestamp: 5n << 24n, writeRank: 2 }, 3, policy);
  t.true(heard(coordinatorOfRank(2)) > step.timestamp);
});
