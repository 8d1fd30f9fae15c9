/**
 * When a cluster is founded, and when it must not be: by all of its processes together, agreeing, none of which knows
 * of an earlier one. docs/adr/0022-first-start.md.
 */
import { mkdir, rename, rm } from 'node:fs/promises';
import type { ExecutionContext } from 'ava';
import test from 'ava';
import { Cluster, inFull } from '../helpers/cluster.js';
import { HANG_MS, TEST_HANG_MS } from '../helpers/hang.js';
import { readSectors, writeSectors } from '../helpers/manySectors.js';
import { inquire, untilStatus } from '../helpers/processStatus.js';
import { runToEnd } from '../helpers/runToEnd.js';
import { sectorNamed } from '../helpers/sectorValue.js';
import { untilSo } from '../helpers/within.js';

const SECTORS = Array.from({ length: 20 }, (_, index) => index);
const UNKNOWN = { kind: 'unknown' } as const;

/** It is part of no cluster, and has told so for long enough to let its clients go. */
async function assertUseless(t: ExecutionContext, cluster: Cluster, rank: number): Promise<void> {
  const writer = await cluster.client(rank);
  t.deepEqual(await writer.write(7, sectorNamed('by nobody')), UNKNOWN, `process ${rank}`);
  const reader = await cluster.client(rank);
  t.deepEqual(await reader.read(7), UNKNOWN, `process ${rank}`);
  t.is((await inquire(cluster, rank)).standing, 'fresh', `process ${rank}`);
}

async function assertFull(t: ExecutionContext, cluster: Cluster): Promise<void> {
  const { code, output } = await runToEnd(cluster.command(`status --wait-full ${HANG_MS / 1_000}`, 2));
  t.is(code, 0, output);
}

test.serial('the first start waits for the last process, and says so', async (t) => {
  t.timeout(TEST_HANG_MS);
  const cluster = await Cluster.prepare(t, { processCount: 3 });
  await Promise.all([cluster.start(1), cluster.start(3)]);
  for (const rank of [1, 3]) {
    // Each has heard the other.
    await untilStatus(cluster, rank, HANG_MS, ({ waiting }) => waiting?.unheard.join() === '2');
    await untilSo(() => cluster.logOf(rank).includes('nothing was heard of process 2'));
    await assertUseless(t, cluster, rank);
  }
  await cluster.start(2);
  await cluster.untilMembers();
  t.deepEqual(await writeSectors(cluster, [1, 2, 3], SECTORS, 'first'), []);
  for (const rank of cluster.ranks) t.is((await inquire(cluster, rank)).incarnation, 0);
});

test.serial('one with a shorter list founds nothing, and the others do', async (t) => {
  t.timeout(TEST_HANG_MS);
  const cluster = await Cluster.prepare(t, { processCount: 3 });
  await cluster.configure({ processes: [inFull(cluster.addresses[0])] }, [1]);
  await Promise.all(cluster.ranks.map((rank) => cluster.start(rank)));
  await cluster.untilMembers([2, 3]);
  t.deepEqual(await writeSectors(cluster, [2, 3], SECTORS, 'kept'), []);
  const { waiting } = await untilStatus(cluster, 1, HANG_MS, ({ differences = [] }) =>
    differences.some(({ field, own, peer }) => field === 'processes' && own === 1 && peer === 3),
  );
  t.true(waiting?.isAlone);
  for (const rank of [2, 3]) {
    await untilStatus(cluster, rank, HANG_MS, ({ differences = [] }) =>
      differences.some(({ field, rank: of, peer }) => field === 'processes' && of === 1 && peer === 1),
    );
    await untilSo(() => cluster.logOf(rank).includes(`process 1 is one of 1 processes, process ${rank} one of 3`));
  }
  await assertUseless(t, cluster, 1);
  await cluster.kill(1);
  t.deepEqual(await readSectors(cluster, [2, 3], SECTORS, 'kept'), []);

  // Its folder is that of a process which is one of one; there is nothing in it.
  await cluster.loseDisk(1);
  await cluster.configure({}, [1]);
  await cluster.start(1);
  await assertFull(t, cluster);
});

test.serial('one with half the sectors founds nothing, and is named', async (t) => {
  t.timeout(TEST_HANG_MS);
  const cluster = await Cluster.prepare(t, { processCount: 3, sectors: 64 });
  await cluster.configure({ sectors: 32 }, [3]);
  await Promise.all(cluster.ranks.map((rank) => cluster.start(rank)));
  await cluster.untilMembers([1, 2]);
  const all = Array.from({ length: 64 }, (_, index) => index);
  t.deepEqual(await writeSectors(cluster, [1, 2], all, 'kept'), []);
  for (const rank of [1, 2]) {
    await untilStatus(cluster, rank, HANG_MS, ({ differences = [] }) =>
      differences.some(
        ({ field, rank: of, own, peer }) => field === 'sectors' && of === 3 && own === 64 && peer === 32,
      ),
    );
    await untilSo(() => cluster.logOf(rank).includes(`process 3 has 32 sectors, process ${rank} has 64`));
  }
  await untilSo(() => cluster.logOf(3).includes('process 1 has 64 sectors, process 3 has 32'));
  // It answers those who ask about it, and nobody else.
  const { output } = await runToEnd(cluster.command(`status --timeout ${HANG_MS / 1_000}`));
  t.regex(output, /process 3 is fresh: not a member yet/);
  await assertUseless(t, cluster, 3);

  await cluster.stop(3);
  await cluster.configure({}, [3]);
  await cluster.start(3);
  await assertFull(t, cluster);
  await cluster.kill(1);
  t.deepEqual(await readSectors(cluster, [2, 3], all, 'kept'), []);
});

interface Unmounted {
  /** Ranks that start without their disks. */
  readonly without: readonly number[];
  /** Whether the marker files beside the folders are there. */
  readonly hasMarkers: boolean;
}

/** What was written is there with all disks in their places, and no sooner. */
async function unmount(
  t: ExecutionContext,
  { without, hasMarkers }: Unmounted,
  meanwhile: (cluster: Cluster) => Promise<void>,
): Promise<void> {
  t.timeout(TEST_HANG_MS);
  const cluster = await Cluster.start(t, { processCount: 3 });
  t.deepEqual(await writeSectors(cluster, [1, 2, 3], SECTORS, 'precious'), []);
  await assertFull(t, cluster);
  await Promise.all(cluster.ranks.map((rank) => cluster.stop(rank)));
  for (const rank of without) {
    await rename(cluster.storageOf(rank), cluster.fileIn(`disk-${rank}`));
    // The mount point.
    await mkdir(cluster.storageOf(rank));
    if (!hasMarkers) await rm(`${cluster.storageOf(rank)}.marker`);
  }
  await Promise.all(without.map((rank) => cluster.start(rank)));
  await meanwhile(cluster);
  await Promise.all(cluster.ranks.filter((rank) => cluster.isUp(rank)).map((rank) => cluster.stop(rank)));
  for (const rank of without) {
    await rm(cluster.storageOf(rank), { recursive: true });
    await rename(cluster.fileIn(`disk-${rank}`), cluster.storageOf(rank));
  }
  await cluster.startAll();
  await assertFull(t, cluster);
  t.deepEqual(await readSectors(cluster, [1, 2, 3], SECTORS, 'precious'), []);
  for (const rank of cluster.ranks) t.is((await inquire(cluster, rank)).incarnation, 0);
}

/** No answer, and no zeros. */
async function assertNoAnswer(t: ExecutionContext, cluster: Cluster): Promise<void> {
  const { code, output } = await runToEnd(cluster.command('read 5 --timeout 2'));
  t.is(code, 1, output.slice(0, 500));
  t.false(output.includes('\0'));
}

for (const hasMarkers of [true, false]) {
  const how = hasMarkers ? '' : ', nor a marker';
  const setting = { without: [1, 2], hasMarkers };
  const inUse = hasMarkers ? '1,2' : '';

  test.serial(`two of three start without their disks${how}: they found nothing; then all three wait`, async (t) => {
    await unmount(t, setting, async (cluster) => {
      for (const rank of setting.without) {
        // They have heard each other, and what they know.
        await untilStatus(
          cluster,
          rank,
          HANG_MS,
          ({ waiting }) => waiting?.unheard.join() === '3' && [...waiting.inUse].sort().join() === inUse,
        );
        await assertUseless(t, cluster, rank);
      }
      await assertNoAnswer(t, cluster);

      await cluster.start(3);
      for (const rank of setting.without) {
        const { rebuild } = await untilStatus(
          cluster,
          rank,
          HANG_MS,
          ({ standing, connected }) => standing === 'joining' && connected.includes(3),
        );
        t.false(rebuild?.isEnough ?? false);
      }
      t.is((await inquire(cluster, 3)).standing, 'member');
      await assertNoAnswer(t, cluster);
    });
  });
}

test.serial('all three start without their disks: the markers tell', async (t) => {
  await unmount(t, { without: [1, 2, 3], hasMarkers: true }, async (cluster) => {
    for (const rank of cluster.ranks) {
      await untilStatus(
        cluster,
        rank,
        HANG_MS,
        ({ waiting }) => waiting?.unheard.length === 0 && [...waiting.inUse].sort().join() === '1,2,3',
      );
      await untilSo(() => /empty, but was in use before: is the disk mounted\?/.test(cluster.logOf(rank)));
      await assertUseless(t, cluster, rank);
    }
    await assertNoAnswer(t, cluster);
  });
});
