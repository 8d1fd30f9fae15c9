/**
 * `contention`: 16 clients of the library, each in a process of its own, read and write the same 16 sectors; at first
 * with all processes up, then while one after the other is killed and started again. Does each client get its share?
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { checkLinearizable } from '../linearizability/check.js';
import type { ContentionFigures } from './figures.js';
import { contentionFigures } from './figures.js';
import type { HostCluster } from './hostCluster.js';
import type { HostProgram } from './hostProgram.js';
import { historyOf, nowMs, operationsOf } from './operationLine.js';
import type { Report } from './report.js';
import { brokenOf, grouped, inSeconds } from './report.js';
import type { RunScenario, Surrounding } from './scenario.js';
import { withCluster } from './scenario.js';

const CLIENTS = 16;
const HOT_SECTORS = 16;
const DURATION_MS = 30_000;
const DURATION_SHORT_MS = 8_000;
const GRACE_MS = 20_000;
const BETWEEN_KILLS_MS = 2_000;
const DOWN_MS = 1_000;
const FAIRNESS_MIN = 0.2;

export const runContention: RunScenario = async function* (surrounding) {
  yield await runPart(surrounding, false);
  yield await runPart(surrounding, true);
};

async function runPart(surrounding: Surrounding, withKills: boolean): Promise<Report> {
  const { options, say } = surrounding;
  const durationMs = options.isShort ? DURATION_SHORT_MS : DURATION_MS;
  say(`contention: ${withKills ? 'with' : 'without'} kills, for ${inSeconds(durationMs)}`);
  return withCluster(surrounding, async (cluster) => {
    const clients = Array.from({ length: CLIENTS }, (_, index) => startClient(cluster, index));
    for (const client of clients) await client.until(({ lineCount }) => lineCount > 0, 'the first operation');
    const from = nowMs();
    const kills = withKills ? await killInTurn(cluster, from + durationMs) : 0;
    await sleep(Math.max(0, from + durationMs - nowMs()));
    const to = nowMs();
    await Promise.all(clients.map((client) => client.end('SIGTERM')));
    const seen = clients.map(({ output }) => operationsOf(output));
    const history = seen.flatMap((ofClient, index) => historyOf(`client ${index + 1}`, ofClient));
    const verdict = checkLinearizable(history);
    const violations = verdict.ok ? [] : verdict.violations.map(({ text }) => text);
    const failed = seen.flat().filter(({ error }) => error !== null).length;
    const unfinished = history.filter((operation) => operation.return === null).length - failed;
    const circumstances = { processes: options.processes, kills, failed, unfinished };
    return reportOf(circumstances, contentionFigures(seen, from, to), violations);
  });
}

/** From the host of the gateway, over the network. */
function startClient(cluster: HostCluster, index: number): HostProgram {
  return cluster.startLoad('library', cluster.gatewayHost, {
    ...{ kind: 'mixed', depth: 1, sectors: HOT_SECTORS, name: `client${index + 1}`, graceMs: GRACE_MS },
  });
}

/** A majority is up all the while. @returns how often. */
async function killInTurn(cluster: HostCluster, until: number): Promise<number> {
  let count = 0;
  while (nowMs() + BETWEEN_KILLS_MS < until) {
    const rank = 1 + (count % cluster.processCount);
    await sleep(BETWEEN_KILLS_MS / 2);
    await cluster.process(rank).end('SIGKILL');
    await sleep(DOWN_MS);
    cluster.launch(rank);
    await cluster.untilFull();
    count += 1;
  }
  return count;
}

interface Circumstances {
  readonly processes: number;
  readonly kills: number;
  readonly failed: number;
  readonly unfinished: number;
}

function reportOf(circumstances: Circumstances, figures: ContentionFigures, violations: readonly string[]): Report {
  const { processes, kills, failed, unfinished } = circumstances;
  const { throughput, fastest, slowest, fairness, longestMs } = figures;
  return {
    scenario: 'contention',
    words: [
      `${CLIENTS} clients of the library on ${HOT_SECTORS} sectors, half reads, half writes; ${processes} hosts, ` +
        `${kills} kills`,
      `${grouped(throughput)} operations a second; the fastest client ${fastest}, the slowest ${slowest} ` +
        `(${fairness} of the fastest); longest operation ${inSeconds(longestMs)}; ${failed} failed, ` +
        `${unfinished} had not ended`,
      violations.length === 0
        ? 'the history is linearizable'
        : `NOT linearizable: ${violations.length} sectors; the first: ${violations[0]}`,
    ],
    figures: {
      ...{ clients: CLIENTS, sectors: HOT_SECTORS, ...circumstances, ...figures },
      notLinearizable: violations.length,
    },
    broken: brokenOf([
      ['the slowest client by the fastest', fairness, 'at least', FAIRNESS_MIN],
      ['sectors that are not linearizable', violations.length, 'at most', 0],
      ['operations that failed or did not end', failed + unfinished, 'at most', 0],
    ]),
  };
}
