/**
 * Clients on a few hot sectors while processes are killed, paused and started again, and their network and disks fail,
 * all at random: whatever the clients saw must be linearizable. ATDD_TEST_SEED=… makes the same random choices; `npm
 * run chaos` does the same for longer.
 */
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { writeHistory } from '../chaos/historyFile.js';
import { runChaos } from '../chaos/runChaos.js';
import { tableOf } from '../chaos/summary.js';
import { startOnBadNetwork } from '../helpers/badNetwork.js';
import { TEST_HANG_MS } from '../helpers/hang.js';
import type { Dice } from '../helpers/seed.js';
import { chooseSeed, dice } from '../helpers/seed.js';
import type { HotSector } from '../helpers/workload.js';
import { assertLinearizable, Workload } from '../helpers/workload.js';

const CLIENTS = 10;
const SECTORS: readonly HotSector[] = [
  { sector: 0, writePercent: 50 },
  { sector: 1, writePercent: 15 },
  { sector: 1_023, writePercent: 4 },
];

test.serial('3 processes stand every kind of fault, and at least 20 kills', async (t) => {
  // Between the first and the last assertion are all the faults.
  t.timeout(3 * TEST_HANG_MS);
  const seed = chooseSeed();
  t.log(`ATDD_TEST_SEED=${seed}`);
  const report = await runChaos(t, {
    processCount: 3,
    clientCount: 8,
    libraryClientCount: 3,
    seed,
    durationMs: 20_000,
    killCountMin: 20,
    answerCountMin: 300,
    longMs: 3_000,
  });
  t.log(tableOf(report.summary));
  for (const { text } of report.explained) t.log(text);
  if (report.failures.length > 0) {
    const file = path.join(tmpdir(), `atdd-chaos-${seed}.json`);
    await writeHistory(file, report.history);
    t.log(`the whole history: ${file}`);
  }
  t.deepEqual(report.failures, []);
  t.true(report.tally.counts.kill >= 20);
  const answered = report.answeredWhileMistreated;
  t.true(answered >= 300, `only ${answered} operations were answered`);
});

test.serial('5 processes with slow links and two down stay linearizable', async (t) => {
  t.timeout(TEST_HANG_MS);
  const seed = chooseSeed();
  t.log(`ATDD_TEST_SEED=${seed}`);
  const random = dice(seed);
  const { cluster, network } = await startOnBadNetwork(t, 5, random);
  const workload = new Workload({
    cluster,
    clientCount: CLIENTS,
    sectors: SECTORS,
    random,
    patienceMs: 4_000,
  });
  for (let round = 0; round < 3; round += 1) {
    for (let change = 0; change < 5; change += 1) {
      network.slowSender(500);
      await sleep(600);
    }
    network.calm();
    const [first, second, third] = shuffled(cluster.ranks, random);
    await Promise.all([cluster.kill(first), cluster.kill(second)]);
    // Three of five are a majority: answers go on, also to what was asked after the kills.
    await workload.untilAnswered(CLIENTS + 20);
    t.false(cluster.isUp(first) || cluster.isUp(second));
    network.slowLinks(300);
    await sleep(random.below(500));
    await cluster.kill(third);
    await Promise.all([first, second, third].map((rank) => cluster.start(rank)));
  }
  await sleep(500);
  await workload.stop();
  await workload.readAll(cluster.ranks);
  t.log({ operations: workload.recorder.operations.length, answered: workload.answeredCount });
  await assertLinearizable(t, workload.recorder.operations);
  t.deepEqual(workload.faults, []);
});

function shuffled(ranks: readonly number[], random: Dice): number[] {
  const left = [...ranks];
  return ranks.map(() => left.splice(random.below(left.length), 1)[0]);
}
