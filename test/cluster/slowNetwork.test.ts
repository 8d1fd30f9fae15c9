/**
 * The cases that chance finds too rarely: a value that only a minority has yet is read, and from then on nobody may
 * read an older one, whoever is slow or dies.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { startOnBadNetwork } from '../helpers/badNetwork.js';
import type { Cluster } from '../helpers/cluster.js';
import { HANG_MS, TEST_HANG_MS } from '../helpers/hang.js';
import { untilStatus } from '../helpers/processStatus.js';
import type { RawClient } from '../helpers/rawClient.js';
import type { Relay } from '../helpers/relay.js';
import { untilSo } from '../helpers/within.js';
import { nameOf, sectorNamed } from '../helpers/sectorValue.js';
import { dice } from '../helpers/seed.js';

const SECTOR = 17;
const NEW = sectorNamed('new');
const WRITTEN = { kind: 'answered', status: 'Ok', data: null } as const;

async function nameRead(client: RawClient): Promise<string | null> {
  const outcome = await client.read(SECTOR);
  if (outcome.kind === 'unknown' || outcome.data === null) return 'no answer';
  return nameOf(outcome.data);
}

/** Reads until `name` is there. */
function readUntil(client: RawClient, name: string): Promise<void> {
  return untilSo(
    async () => (await nameRead(client)) === name,
    () => `"${name}" was never read`,
  );
}

/** How many commits of process 1 are on its disk: the higher of the numbers in `acknowledged`. */
function commitCount(cluster: Cluster): number {
  const bytes = readFileSync(path.join(cluster.storageOf(1), 'acknowledged'));
  return Math.max(...[0, 512].map((at) => Number(bytes.readBigUInt64BE(at))));
}

const dataOf = (cluster: Cluster): Buffer => readFileSync(path.join(cluster.storageOf(1), 'data.slots'));

test.serial('once a new value was read, a reader who hears only others reads it too', async (t) => {
  t.timeout(TEST_HANG_MS);
  const { cluster, network } = await startOnBadNetwork(t, 5, dice(1));
  const [first, second, third] = await Promise.all([1, 2, 3].map((rank) => cluster.client(rank)));
  t.deepEqual(await first.write(SECTOR, sectorNamed('old')), WRITTEN);
  // Process 2 hears of the new value at once, the others a good while later.
  network.delay(1, [3, 4, 5], 1_000);
  const writing = first.write(SECTOR, sectorNamed('new'));
  await readUntil(second, 'new');
  // From now on the others hear neither of those two in time.
  network.delay(2, [1, 3, 4, 5], 3_000);
  network.delay(1, [2, 3, 4, 5], 3_000);
  t.is(await nameRead(third), 'new');
  network.calm();
  t.deepEqual(await writing, WRITTEN);
});

test.serial('a value that its writer left on its own disk only stays once it was read', async (t) => {
  t.timeout(TEST_HANG_MS);
  // In the strict mode it would never be read: a reader has settled the sector meanwhile.
  const { cluster, network } = await startOnBadNetwork(t, 3, dice(1), { members: 'open' });
  const first = await cluster.client(1);
  t.deepEqual(await first.write(SECTOR, sectorNamed('old')), WRITTEN);
  const toOthers = [2, 3].map((rank) => network.link(1, rank).relay);
  const toWriter = [2, 3].map((rank) => network.link(rank, 1).relay);
  const setSilent = (relays: readonly Relay[], isSilent: boolean): void => {
    for (const relay of relays) relay.silence('forth', isSilent);
  };
  for (const relay of toOthers) relay.losesWithSender = true;
  // All that the first write brought about is over.
  await untilStatus(cluster, 1, HANG_MS, ({ missed }) => Object.keys(missed).length === 0);
  await untilSo(() => commitCount(cluster) > 0);
  const commits = commitCount(cluster);
  // What it asks the others for arrives, but what they answer does not yet.
  setSilent(toWriter, true);
  const held = toWriter.map(({ heldBytes }) => heldBytes);
  const writing = first.write(SECTOR, NEW);
  await untilSo(() => toWriter.every(({ heldBytes }, index) => heldBytes > held[index]));
  // Now it stores the value, and nobody hears of that.
  setSilent(toOthers, true);
  setSilent(toWriter, false);
  await untilSo(() => commitCount(cluster) > commits && dataOf(cluster).includes(NEW));
  await cluster.kill(1);
  t.deepEqual(await writing, { kind: 'unknown' });
  setSilent(toOthers, false);
  const second = await cluster.client(2);
  t.is(await nameRead(second), 'old', 'the others have heard of it: the test tests nothing');
  await cluster.start(1);
  t.is(await nameRead(await cluster.client(1)), 'new', 'the disk of its writer has lost it');
  await cluster.kill(1);
  t.is(await nameRead(second), 'new', 'it was read, and is gone');
});
