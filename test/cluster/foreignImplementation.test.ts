/**
 * A process of this implementation among foreign members: when it takes part, and that an empty disk does not vote as
 * long as a peer of this implementation may remember another one (ADR 13).
 */
import test from 'ava';
import { Cluster } from '../helpers/cluster.js';
import { HANG_MS, TEST_HANG_MS } from '../helpers/hang.js';
import { untilStatus } from '../helpers/processStatus.js';
import type { TestScope } from '../helpers/testScope.js';
import { nameOf, sectorNamed } from '../helpers/sectorValue.js';
import { ForeignPeer } from '../helpers/foreignPeer.js';
import { within } from '../helpers/within.js';

const config = { members: 'open' };

async function strangeAt(t: TestScope, cluster: Cluster, rank: number): Promise<ForeignPeer> {
  const { addresses, keys } = cluster;
  const strange = await ForeignPeer.start({ rank, addresses, keys, behaviour: {} });
  t.teardown(() => strange.stop());
  return strange;
}

test.serial('a WRITE is taken by a process that hears nothing unless it asks', async (t) => {
  t.timeout(TEST_HANG_MS);
  const cluster = await Cluster.prepare(t, { processCount: 3, absent: [2, 3], founder: null, config });
  const peers = await Promise.all([2, 3].map((rank) => strangeAt(t, cluster, rank)));
  await cluster.start(1);
  await cluster.untilMembers();
  const client = await cluster.client(1);
  const outcome = await within(HANG_MS, client.write(5, sectorNamed('the first')));
  t.true(outcome !== 'too late' && outcome.kind === 'answered' && outcome.status === 'Ok');
  t.is(nameOf(await peers[0].read(5)), 'the first');
  t.deepEqual(peers[1].faults, []);
});

test.serial('an empty disk waits for the peer that may remember the one before', async (t) => {
  t.timeout(TEST_HANG_MS);
  const cluster = await Cluster.prepare(t, { processCount: 3, absent: [2], config });
  await cluster.startAll();
  const client = await cluster.client(1);
  const written = await client.write(5, sectorNamed('known to 1 and 3'));
  t.true(written.kind === 'answered' && written.status === 'Ok');
  await cluster.kill(1);
  await cluster.kill(3);
  await cluster.loseDisk(3);
  const strange = await strangeAt(t, cluster, 2);
  await cluster.start(3);
  const reading = strange.read(5);
  t.is(await within(4_000, reading), 'too late', 'read from the two that do not have it');
  await cluster.start(1);
  const value = await within(HANG_MS, reading);
  t.is(value === 'too late' ? value : nameOf(value), 'known to 1 and 3');
  await untilStatus(cluster, 3, HANG_MS, ({ standing }) => standing === 'joining');
});
