/**
 * The cases that chance finds too rarely: a value that only a minority has yet is read, and from
 * then on nobody may read an older one, whoever is slow or dies.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { startOnBadNetwork } from '../helpers/badNetwork.js';
import type { RawClient } from '../helpers/rawClient.js';
import { nameOf, sectorNamed } from '../helpers/sectorValue.js';
import { dice } from '../helpers/seed.js';

const SECTOR = 17;
const WRITTEN = { kind: 'answered', status: 'Ok', data: null } as const;

async function nameRead(client: RawClient): Promise<string | null> {
  const outcome = await client.read(SECTOR);
  if (outcome.kind === 'unknown' || outcome.data === null) return 'no answer';
  return nameOf(outcome.data);
}

/** Reads until `name` is there. */
async function readUntil(client: RawClient, name: string): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    if ((await nameRead(client)) === name) return;
    await sleep(20);
  }
  throw new Error(`"${name}" was never read`);
}

test.serial('once a new value was read, a reader who hears only others reads it too', async (t) => {
  t.timeout(40_000);
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

test.serial(
  'a value that its writer left on its own disk only stays once it was read',
  async (t) => {
    t.timeout(40_000);
    const { cluster, network } = await startOnBadNetwork(t, 3, dice(1));
    const first = await cluster.client(1);
    t.deepEqual(await first.write(SECTOR, sectorNamed('old')), WRITTEN);
    network.delay(1, [2, 3], 1_500, { losesWithSender: true });
    const writing = first.write(SECTOR, sectorNamed('new'));
    // Half way: asked at 0, answered at 1,500, stored here, heard of by the others at 3,000.
    await sleep(2_250);
    await cluster.kill(1);
    t.deepEqual(await writing, { kind: 'unknown' });
    network.calm();
    const second = await cluster.client(2);
    t.is(await nameRead(second), 'old', 'the others have heard of it: the test tests nothing');
    await cluster.start(1);
    t.is(await nameRead(await cluster.client(1)), 'new', 'the disk of its writer has lost it');
    await cluster.kill(1);
    t.is(await nameRead(second), 'new', 'it was read, and is gone');
  },
);
