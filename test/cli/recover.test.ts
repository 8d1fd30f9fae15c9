/** An operator vouches for a disk, or sets a folder aside: real processes. */
import { readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import { Cluster } from '../helpers/cluster.js';
import { HANG_MS } from '../helpers/hang.js';
import { untilStatus } from '../helpers/processStatus.js';
import { atdd } from '../helpers/atdd.js';

const recover = (cluster: Cluster, words: string, typed: string) =>
  atdd(cluster, `recover ${words}`, Buffer.from(`${typed}\n`));

test('a process that joins for nothing is a member again once vouched for', async (t) => {
  const cluster = await Cluster.start(t, { processCount: 3 });
  t.is((await atdd(cluster, 'write 7 --pad', Buffer.from('precious'))).code, 0);
  await cluster.stop(1);
  await cluster.stop(2);
  // What a version before 0.2 does of itself when it is told that it was replaced: it notes another disk, and waits for
  // two members. Here the disk is new indeed, and only that of process 1.
  await cluster.loseDisk(1);
  await cluster.start(1);
  await untilStatus(cluster, 1, HANG_MS, ({ standing }) => standing === 'joining');
  const running = await recover(cluster, '--rank 1', 'whole');
  t.is(running.code, 1);
  t.regex(running.stderr, /ATDD_STORE_BUSY/, 'it has to be stopped');
  await cluster.stop(1);
  const refused = await recover(cluster, '--rank 1', 'yes');
  t.is(refused.code, 1);
  t.regex(refused.stdout.toString(), /process 1, joining, 0 sectors written/);
  t.regex(refused.stdout.toString(), /acknowledged writes are lost/);
  t.regex(refused.stdout.toString(), /Not confirmed: nothing was changed/);
  t.is((await recover(cluster, '--rank 1', 'whole')).code, 0);
  await cluster.start(1);
  await untilStatus(cluster, 1, HANG_MS, ({ standing }) => standing === 'member');
  await untilStatus(cluster, 1, HANG_MS, ({ connected }) => connected.includes(3));
  const read = await atdd(cluster, `read 7 --timeout ${HANG_MS / 1_000}`);
  t.is(read.stdout.subarray(0, 8).toString(), 'precious', 'process 3 takes it for the disk it knew');
});

test('what was never part of a cluster, or is not there, cannot be vouched for', async (t) => {
  const cluster = await Cluster.prepare(t, { processCount: 3, founder: null });
  const missing = await recover(cluster, '--rank 2', 'whole');
  t.is(missing.code, 2);
  t.regex(missing.stderr, /process 2 has no storage folder .*data\/2 \(ATDD_USAGE\)/);
  await cluster.start(2);
  await cluster.stop(2);
  const fresh = await recover(cluster, '--rank 2', 'whole');
  t.is(fresh.code, 1);
  t.regex(fresh.stdout.toString(), /never been part of a cluster/);
});

test('a folder that is set aside keeps all; its process joins the others', async (t) => {
  const cluster = await Cluster.start(t, { processCount: 3 });
  await cluster.stop(3);
  const kept = await readdir(cluster.storageOf(3));
  const moved = await recover(cluster, '--rank 3 --set-aside', 'aside');
  t.is(moved.code, 0, moved.stderr);
  const aside = `${cluster.storageOf(3)}.aside-1`;
  t.deepEqual(await readdir(aside), kept);
  await t.throwsAsync(stat(cluster.storageOf(3)), { code: 'ENOENT' });
  await cluster.start(3);
  await untilStatus(cluster, 3, HANG_MS, ({ standing, incarnation }) => {
    return standing === 'member' && incarnation === 1;
  });
  await rm(path.join(aside), { recursive: true });
});
