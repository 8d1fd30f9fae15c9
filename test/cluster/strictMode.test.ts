/** Clusters whose members keep the strict register, from their configuration on. */
import test from 'ava';
import { Cluster } from '../helpers/cluster.js';
import { HANG_MS, TEST_HANG_MS } from '../helpers/hang.js';
import { askOpened } from '../helpers/opened.js';
import { inquire, untilStatus } from '../helpers/processStatus.js';
import { runToEnd } from '../helpers/runToEnd.js';
import { untilSo } from '../helpers/within.js';

const STRICT = { members: 'strict' };

test('three processes found a strict cluster; a fourth one that is open is told, and takes no part', async (t) => {
  t.timeout(TEST_HANG_MS);
  const cluster = await Cluster.prepare(t, { processCount: 4, config: STRICT, founder: 1 });
  await cluster.configure({ members: 'open' }, [4]);
  await Promise.all(cluster.ranks.map((rank) => cluster.start(rank)));
  await cluster.untilMembers([1, 2, 3]);
  for (const rank of [1, 2, 3]) {
    const opened = await askOpened(cluster.addresses[rank - 1], cluster.clientKey);
    const { incarnations } = opened;
    t.like(opened, { rank, mode: 'strict', processCount: 4, memberState: 'member', sectors: 1_024 });
    t.deepEqual(incarnations, [0, 0, 0, 0]);
    await untilStatus(cluster, rank, HANG_MS, ({ differences = [] }) =>
      differences.some(
        ({ field, rank: of, own, peer }) => field === 'mode' && of === 4 && own === 'strict' && peer === 'open',
      ),
    );
    const told = `process 4 was started with members open, process ${rank} with members strict`;
    await untilSo(() => cluster.logOf(rank).includes(told));
  }
  t.is((await askOpened(cluster.addresses[3], cluster.clientKey)).mode, 'open');
  await untilSo(() =>
    cluster.logOf(4).includes('process 1 was started with members strict, process 4 with members open'),
  );
  t.is((await inquire(cluster, 4)).standing, 'fresh');
  const { code, output } = await runToEnd(cluster.command('status --timeout 3'));
  t.is(code, 1, output);
  t.true(output.includes('process 4 was started with members open, process 1 with members strict'), output);

  // It is part of nothing yet, so it may be started again as the others are, and joins.
  await cluster.stop(4);
  await cluster.configure({}, [4]);
  await cluster.start(4);
  t.is((await askOpened(cluster.addresses[3], cluster.clientKey)).mode, 'strict');
  await untilStatus(cluster, 4, HANG_MS, ({ standing }) => standing !== 'fresh');
});

test('a folder of a strict cluster is refused by a process that is open', async (t) => {
  t.timeout(TEST_HANG_MS);
  const cluster = await Cluster.start(t, { processCount: 1, config: STRICT });
  await cluster.stop(1);
  await cluster.configure({ members: 'open' });
  cluster.launch(1);
  t.not((await cluster.waitForExit(1)).code, 0);
  const log = cluster.logOf(1);
  t.true(log.includes('is of a cluster with members strict, and this process was started with members open'), log);
  await cluster.configure(STRICT);
  await cluster.start(1);
  t.is((await inquire(cluster, 1)).standing, 'member');
  t.is((await askOpened(cluster.addresses[0], cluster.clientKey)).mode, 'strict');
});
