/**
 * `cut` and `hang`: 16 operations under way while one host is cut off silently, or its process stands still, and then
 * comes back.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { HostCluster } from './hostCluster.js';
import type { SilenceFigures } from './figures.js';
import { LATE_MS, silenceFigures, timeBound } from './figures.js';
import { nowMs, operationsOf } from './operationLine.js';
import type { Report } from './report.js';
import { brokenOf, grouped, inSeconds } from './report.js';
import type { RunScenario, Surrounding } from './scenario.js';
import { SECTORS, startWarm, withCluster } from './scenario.js';

type How = 'cut' | 'hang';
type Kind = 'read' | 'write';

const DEPTH = 16;
const LONG = { beforeMs: 10_000, cutMs: 40_000, hangMs: 45_000, afterMs: 20_000, graceMs: 20_000 };
const SHORT = { beforeMs: 4_000, cutMs: 12_000, hangMs: 12_000, afterMs: 4_000, graceMs: 4_000 };

export const runCut: RunScenario = async function* (surrounding) {
  yield await runSilence(surrounding, 'cut', 'write', 1);
  yield await runSilence(surrounding, 'cut', 'read', 2);
};

export const runHang: RunScenario = async function* (surrounding) {
  yield await runSilence(surrounding, 'hang', 'write', 3);
};

async function runSilence(surrounding: Surrounding, how: How, kind: Kind, rank: number): Promise<Report> {
  const { isShort, through, processes } = surrounding.options;
  const times = isShort ? SHORT : LONG;
  const silentMs = how === 'cut' ? times.cutMs : times.hangMs;
  surrounding.say(`${how}: ${kind}s, process ${rank} for ${inSeconds(silentMs)}`);
  return withCluster(surrounding, async (cluster) => {
    const order = { kind, depth: DEPTH, sectors: SECTORS, name: `${how}-${kind}`, graceMs: times.graceMs };
    const { load, endAll } = await startWarm(cluster, through, order);
    const startedAt = nowMs();
    await sleep(times.beforeMs);
    const silentAt = nowMs();
    silence(cluster, how, rank);
    await sleep(silentMs);
    const backAt = nowMs();
    bringBack(cluster, how, rank);
    await sleep(times.afterMs);
    const stoppedAt = nowMs();
    await endAll();
    const marks = { startedAt, silentAt, backAt, stoppedAt, closedAt: nowMs() };
    const figures = silenceFigures(operationsOf(load.output), marks);
    return reportOf(how, { kind, through, processes, rank, silentMs }, figures);
  });
}

function silence(cluster: HostCluster, how: How, rank: number): void {
  if (how === 'cut') cluster.network.cut(rank);
  else cluster.process(rank).signal('SIGSTOP');
}

function bringBack(cluster: HostCluster, how: How, rank: number): void {
  if (how === 'cut') cluster.network.join(rank);
  else cluster.process(rank).signal('SIGCONT');
}

interface Circumstances {
  readonly kind: Kind;
  readonly through: string;
  readonly processes: number;
  readonly rank: number;
  readonly silentMs: number;
}

function reportOf(how: How, circumstances: Circumstances, figures: SilenceFigures): Report {
  const { kind, through, processes, rank, silentMs } = circumstances;
  const { longestMs, longestBeforeMs, late, unfinished, failed, before, during, after } = figures;
  const what = how === 'cut' ? `the link of host ${rank}` : `process ${rank}`;
  const was = how === 'cut' ? 'cut without a word' : 'stopped (SIGSTOP)';
  return {
    scenario: how,
    words: [
      `${DEPTH} ${kind}s under way through ${through}, ${processes} hosts; ` +
        `${what} ${was} for ${inSeconds(silentMs)}`,
      `longest operation ${inSeconds(longestMs)} (before: ${inSeconds(longestBeforeMs)}); ${late} took longer than ` +
        `1 s, ${unfinished} of these had not ended at the end; ${failed} failed`,
      `operations a second: ${grouped(before)} before, ${grouped(during)} during, ${grouped(after)} after`,
    ],
    figures: { ...circumstances, depth: DEPTH, ...figures },
    broken: brokenOf([
      ['longest operation, ms', longestMs, 'at most', timeBound(LATE_MS, longestBeforeMs)],
      ['operations that failed', failed, 'at most', 0],
    ]),
  };
}
