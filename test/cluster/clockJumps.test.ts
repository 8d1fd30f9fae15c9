/** Processes whose time of day is set back and forth all the time, under load and kills. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { Cluster } from '../helpers/cluster.js';
import { TEST_HANG_MS } from '../helpers/hang.js';
import { chooseSeed, dice } from '../helpers/seed.js';
import { assertLinearizable, Workload } from '../helpers/workload.js';

const CLIENTS = 8;
const JUMPING = join(import.meta.dirname, '..', 'helpers', 'jumpingClock.js');

test.serial('clocks that jump by hours change nothing', async (t) => {
  t.timeout(TEST_HANG_MS);
  const seed = chooseSeed();
  t.log(`ATDD_TEST_SEED=${seed}`);
  const cluster = await Cluster.start(t, {
    processCount: 3,
    wrap: ([node = '', ...words]) => [node, '--import', JUMPING, ...words],
  });
  const workload = new Workload({
    cluster,
    clientCount: CLIENTS,
    sectors: [
      { sector: 0, writePercent: 50 },
      { sector: 1, writePercent: 15 },
    ],
    random: dice(seed),
    patienceMs: 4_000,
  });
  for (const rank of cluster.ranks) {
    // What was retransmitted, dialled and timed meanwhile went on as ever: answers keep coming.
    await cluster.kill(rank);
    await workload.untilAnswered(CLIENTS + 20);
    t.false(cluster.isUp(rank), 'answered while it was down');
    await sleep(1_200);
    await cluster.start(rank);
    await sleep(600);
  }
  await workload.stop();
  await workload.readAll(cluster.ranks);
  t.log({ operations: workload.recorder.operations.length, answered: workload.answeredCount });
  await assertLinearizable(t, workload.recorder.operations);
  t.deepEqual(workload.faults, []);
  for (const rank of cluster.ranks) {
    const log = cluster.logOf(rank);
    t.regex(log, /the time of day jumps/, 'or nothing was shown');
    t.deepEqual((await cluster.stop(rank)).code, 0);
  }
});
