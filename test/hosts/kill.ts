/** `kill`: kill -9 of each process in turn, under load. How long does nobody get anything done? */
import { setTimeout as sleep } from 'node:timers/promises';
import { longestGapMs, rateOf, timeBound } from './figures.js';
import { nowMs, operationsOf } from './operationLine.js';
import type { Report } from './report.js';
import { brokenOf, grouped } from './report.js';
import type { RunScenario } from './scenario.js';
import { SECTORS, startWarm, withCluster } from './scenario.js';

const DEPTH = 16;
const ROUNDS = 9;
const ROUNDS_SHORT = 3;
/** Looked at before each kill, to compare, and after it. */
const WINDOW_MS = 2_000;
const GRACE_MS = 5_000;
const GAP_MS_MAX = 100;

/** When each thing happened. */
interface Round {
  readonly calmAt: number;
  readonly killedAt: number;
  readonly startedAt: number;
  readonly fullAt: number;
}

export const runKill: RunScenario = async function* (surrounding) {
  yield await withCluster(surrounding, async (cluster) => {
    const { options, say } = surrounding;
    const count = options.rounds ?? (options.isShort ? ROUNDS_SHORT : ROUNDS);
    const order = { kind: 'mixed', depth: DEPTH, sectors: SECTORS, name: 'kill', graceMs: GRACE_MS } as const;
    const { load, endAll } = await startWarm(cluster, options.through, order);
    const rounds: Round[] = [];
    while (rounds.length < count) {
      const rank = 1 + (rounds.length % cluster.processCount);
      const calmAt = nowMs();
      await sleep(WINDOW_MS);
      const killedAt = nowMs();
      await cluster.process(rank).end('SIGKILL');
      await sleep(WINDOW_MS);
      const startedAt = nowMs();
      cluster.launch(rank);
      await cluster.untilFull();
      rounds.push({ calmAt, killedAt, startedAt, fullAt: nowMs() });
      say(`kill: process ${rank}, round ${rounds.length} of ${count}`);
    }
    await endAll();
    return reportOf(operationsOf(load.output), rounds, options);
  });
};

function reportOf(
  seen: ReturnType<typeof operationsOf>,
  rounds: readonly Round[],
  { through, processes }: { readonly through: string; readonly processes: number },
): Report {
  const calm = rounds.map(({ calmAt, killedAt }) => longestGapMs(seen, calmAt, killedAt));
  const killed = rounds.map(({ killedAt, startedAt }) => longestGapMs(seen, killedAt, startedAt));
  const returned = rounds.map(({ startedAt, fullAt }) => longestGapMs(seen, startedAt, fullAt));
  const [calmMs, gapMs, returnMs] = [calm, killed, returned].map((gaps) => Math.max(...gaps));
  const throughput = rateOf(seen, rounds[0].calmAt, rounds[rounds.length - 1].fullAt);
  const failed = seen.filter(({ error }) => error !== null).length;
  return {
    scenario: 'kill',
    words: [
      `${rounds.length} kills, ${processes} hosts, ${DEPTH} reads and writes under way through ${through}, ` +
        `${grouped(throughput)} a second`,
      `longest time in which nothing was done: ${gapMs} ms after a kill, ${returnMs} ms while a process started ` +
        `again, ${calmMs} ms in the seconds before a kill; ${failed} operations failed`,
    ],
    figures: {
      ...{ through, processes, kills: rounds.length, depth: DEPTH, throughput, failed },
      ...{ gapMs, returnMs, calmMs, gapMsOfEach: killed },
    },
    broken: brokenOf([
      ['longest gap after a kill, ms', gapMs, 'at most', timeBound(GAP_MS_MAX, calmMs)],
      ['operations that failed', failed, 'at most', 0],
    ]),
  };
}
