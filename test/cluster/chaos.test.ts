/**
 * Clients on a few hot sectors while processes are killed, paused and started again and
 * messages between them are delayed, all at random:
 * whatever the clients saw must be linearizable. ATDD_TEST_SEED=… makes the same random choices.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import type { BadNetwork } from '../helpers/badNetwork.js';
import { startOnBadNetwork } from '../helpers/badNetwork.js';
import type { Cluster } from '../helpers/cluster.js';
import type { Dice } from '../helpers/seed.js';
import { chooseSeed, dice } from '../helpers/seed.js';
import type { HotSector } from '../helpers/workload.js';
import { assertLinearizable, Workload } from '../helpers/workload.js';

const SECTORS: readonly HotSector[] = [
  { sector: 0, writePercent: 50 },
  { sector: 1, writePercent: 15 },
  { sector: 1_023, writePercent: 4 },
];

interface Chaos {
  /** SIGKILLs so far. */
  killCount: number;
  pauseCount: number;
}

/** Kills, restarts, pauses and slows down at random moments until `killCount` kills were made. */
async function mistreat(
  cluster: Cluster,
  network: BadNetwork,
  random: Dice,
  { killCount, timeoutMs }: { killCount: number; timeoutMs: number },
): Promise<Chaos> {
  const chaos: Chaos = { killCount: 0, pauseCount: 0 };
  const repairs = new Set<Promise<void>>();
  const repair = (work: Promise<void>): void => {
    const done = work.finally(() => repairs.delete(done));
    repairs.add(done);
  };
  const paused = new Set<number>();
  const killAndRestart = async (rank: number): Promise<void> => {
    chaos.killCount += 1;
    await cluster.kill(rank);
    await sleep(random.below(500));
    cluster.launch(rank);
  };
  const pauseAndContinue = async (rank: number): Promise<void> => {
    chaos.pauseCount += 1;
    paused.add(rank);
    cluster.pause(rank);
    await sleep(random.between(50, 900));
    cluster.continue(rank);
    paused.delete(rank);
  };
  const giveUpAt = performance.now() + timeoutMs;
  while (chaos.killCount < killCount && performance.now() < giveUpAt) {
    await sleep(random.between(200, 1_700));
    if (random.below(3) === 0) network.slowLinks(400);
    else network.slowSender(800);
    const candidates = cluster.ranks.filter((rank) => cluster.isUp(rank) && !paused.has(rank));
    if (candidates.length === 0) continue;
    const victim = random.pick(candidates);
    const others = candidates.filter((rank) => rank !== victim);
    const what = random.below(10);
    if (what < 3) repair(pauseAndContinue(victim));
    else {
      repair(killAndRestart(victim));
      // Sometimes two at the same instant: then nothing may be answered, and nothing be lost.
      if (what === 9 && others.length > 0) repair(killAndRestart(random.pick(others)));
    }
  }
  await Promise.all(repairs);
  network.calm();
  return chaos;
}

test.serial(
  'at least 20 kills and restarts among 3 processes leave a linearizable history',
  async (t) => {
    t.timeout(100_000);
    const seed = chooseSeed();
    t.log(`ATDD_TEST_SEED=${seed}`);
    const random = dice(seed);
    const { cluster, network } = await startOnBadNetwork(t, 3, random);
    const workload = new Workload({
      cluster,
      clientCount: 8,
      sectors: SECTORS,
      random,
      patienceMs: 2_500,
    });
    const chaos = await mistreat(cluster, network, random, { killCount: 22, timeoutMs: 60_000 });
    await Promise.all(cluster.ranks.map((rank) => cluster.waitReady(rank)));
    // All are up again: from here on every client must get answers.
    const answeredBefore = workload.answeredCount;
    await sleep(1_500);
    const answeredAfter = workload.answeredCount;
    await workload.stop();
    await workload.readAll(cluster.ranks);

    const { operations } = workload.recorder;
    const unknown = operations.length - workload.answeredCount;
    t.log({ ...chaos, answered: workload.answeredCount, unknown });
    await assertLinearizable(t, operations);
    t.deepEqual(workload.faults, []);
    t.true(chaos.killCount >= 20);
    t.true(answeredBefore >= 300, `only ${answeredBefore} operations were answered`);
    t.true(answeredAfter - answeredBefore >= 50, 'the cluster did not recover');
    t.true(unknown > 0, 'no kill met an operation: the test tests nothing');
  },
);

test.serial('5 processes with slow links and two down stay linearizable', async (t) => {
  t.timeout(60_000);
  const seed = chooseSeed();
  t.log(`ATDD_TEST_SEED=${seed}`);
  const random = dice(seed);
  const { cluster, network } = await startOnBadNetwork(t, 5, random);
  const workload = new Workload({
    cluster,
    clientCount: 10,
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
    // Three of five are a majority: answers go on.
    await sleep(500);
    const answeredBefore = workload.answeredCount;
    await sleep(1_000);
    t.true(workload.answeredCount - answeredBefore >= 20, 'two down stopped the other three');
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
