/**
 * The peer extension among real processes: agreed on where both ends have it, left out where one has not, and changed
 * in one process after the other while clients work.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { Cluster } from '../helpers/cluster.js';
import { HANG_MS, TEST_HANG_MS } from '../helpers/hang.js';
import { inquire, untilStatus } from '../helpers/processStatus.js';
import { chooseSeed, dice } from '../helpers/seed.js';
import { assertLinearizable, Workload } from '../helpers/workload.js';

const CLIENTS = 6;
const SECTORS = [
  { sector: 0, writePercent: 50 },
  { sector: 1, writePercent: 10 },
];

async function setExtension(cluster: Cluster, rank: number, setting: 'on' | 'off'): Promise<void> {
  const file = cluster.configFileOf(rank);
  const configuration = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
  await writeFile(file, JSON.stringify({ ...configuration, extension: setting }));
}

/** Bytes to peers for each of so many WRITEs and READs of one sector, through process 1. */
async function bytesPerOperation(cluster: Cluster, count: number): Promise<number> {
  const sent = async (): Promise<number> => {
    const all = await Promise.all(cluster.ranks.map((rank) => inquire(cluster, rank)));
    return all.reduce((sum, { counters }) => sum + (counters?.peerBytes ?? 0), 0);
  };
  const client = await cluster.client(1);
  const before = await sent();
  for (let round = 0; round < count; round += 1) {
    await client.write(5, Buffer.alloc(4096, round));
    await client.read(5);
  }
  const after = await sent();
  await client.destroy();
  return (after - before) / (2 * count);
}

test.serial('processes that have the extension agree on it, and say less to each other', async (t) => {
  t.timeout(TEST_HANG_MS);
  const cluster = await Cluster.start(t, { processCount: 3, config: { members: 'open' } });
  for (const rank of cluster.ranks) {
    await untilStatus(cluster, rank, HANG_MS, ({ extended }) => extended.length === 2);
  }
  const having = await bytesPerOperation(cluster, 50);
  for (const rank of cluster.ranks) {
    await cluster.stop(rank);
    await setExtension(cluster, rank, 'off');
    await cluster.start(rank);
  }
  for (const rank of cluster.ranks) {
    await untilStatus(cluster, rank, HANG_MS, ({ connected }) => connected.length === 2);
    t.deepEqual((await inquire(cluster, rank)).extended, []);
  }
  const without = await bytesPerOperation(cluster, 50);
  t.log({ having, without });
  t.true(having < without / 2);
});

test.serial('the extension is turned on and off in one process after the other', async (t) => {
  t.timeout(TEST_HANG_MS);
  const seed = chooseSeed();
  t.log(`ATDD_TEST_SEED=${seed}`);
  const random = dice(seed);
  const cluster = await Cluster.start(t, { processCount: 3, config: { members: 'open', extension: 'off' } });
  const workload = new Workload({
    cluster,
    clientCount: CLIENTS,
    sectors: SECTORS,
    random,
    patienceMs: 4_000,
  });
  for (const setting of ['on', 'off', 'on'] as const) {
    for (const rank of cluster.ranks) {
      // Half of the time without a goodbye.
      if (random.below(2) === 0) await cluster.kill(rank);
      else await cluster.stop(rank);
      await setExtension(cluster, rank, setting);
      await cluster.start(rank);
      // A mixed cluster answers, also what was asked since it is one.
      await workload.untilAnswered(CLIENTS + 1);
      await sleep(500);
      t.pass();
    }
    const agreed = setting === 'on' ? 2 : 0;
    for (const rank of cluster.ranks) {
      await untilStatus(cluster, rank, HANG_MS, ({ extended }) => extended.length === agreed);
    }
  }
  await workload.stop();
  await workload.readAll(cluster.ranks);
  t.log({ operations: workload.recorder.operations.length, answered: workload.answeredCount });
  await assertLinearizable(t, workload.recorder.operations);
  t.deepEqual(workload.faults, []);
});
