/**
 * `failover`: gateway and process of one host die in the middle of writes, with a slow uplink. A gateway elsewhere
 * reads everything twice; the host returns and gets what it has missed; everything is read again. A sector that a
 * reader has seen must not change: its writer is dead.
 *
 * In every other round the host is cut off at the moment of its death, as if its power went. In the others what its
 * system still has to send goes on its slow way.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { differenceCount, lostCount } from './figures.js';
import type { HostCluster } from './hostCluster.js';
import type { HostProgram } from './hostProgram.js';
import { operationsOf } from './operationLine.js';
import type { Report } from './report.js';
import { brokenOf } from './report.js';
import type { RunScenario, Surrounding } from './scenario.js';
import { SECTORS, withCluster } from './scenario.js';

const WRITES_UNDER_WAY = 64;
const UPLINK_KILOBITS = 4_000;
const ROUNDS = 20;
const ROUNDS_SHORT = 3;
const WRITING_MS_MIN = 1_000;
const WRITING_MS_MAX = 2_500;

interface Round {
  /** Between the first reading and the second, while the host was away. */
  readonly whileAway: number;
  /** Between the second reading and the one after its return. */
  readonly afterReturn: number;
  /** Acknowledged, and not there. */
  readonly lost: number;
  readonly acknowledged: number;
}

export const runFailover: RunScenario = async function* (surrounding) {
  yield await withCluster(surrounding, async (cluster) => {
    const { options, say } = surrounding;
    const survivor = await cluster.startGateway(cluster.gatewayHost);
    const count = options.rounds ?? (options.isShort ? ROUNDS_SHORT : ROUNDS);
    const rounds: Round[] = [];
    while (rounds.length < count) {
      const round = await runRound(surrounding, cluster, rounds.length);
      rounds.push(round);
      say(`failover: round ${rounds.length} of ${count}: ${round.whileAway + round.afterReturn} sectors differ`);
    }
    await survivor.end('SIGKILL');
    return reportOf(rounds, options.processes);
  });
};

async function runRound({ random }: Surrounding, cluster: HostCluster, index: number): Promise<Round> {
  const { network, gatewayHost } = cluster;
  const host = 1 + (index % cluster.processCount);
  const losesPower = index % 2 === 0;
  const gateway = await cluster.startGateway(host);
  network.slowUplink(host, UPLINK_KILOBITS);
  const writer = cluster.startLoad('nbd', host, {
    ...{ kind: 'write', depth: WRITES_UNDER_WAY, sectors: SECTORS },
    ...{ name: `round${index}`, graceMs: 0 },
  });
  await writer.until(({ lineCount }) => lineCount >= WRITES_UNDER_WAY, 'the first writes');
  await sleep(random.between(WRITING_MS_MIN, WRITING_MS_MAX));
  if (losesPower) network.cut(host);
  await die([writer, gateway, cluster.process(host)]);
  const first = await cluster.dump(gatewayHost, SECTORS);
  const second = await cluster.dump(gatewayHost, SECTORS);
  network.freeUplink(host);
  if (losesPower) network.join(host);
  cluster.launch(host);
  await cluster.untilFull();
  const third = await cluster.dump(gatewayHost, SECTORS);
  const written = operationsOf(writer.output);
  return {
    whileAway: differenceCount(first, second),
    afterReturn: differenceCount(second, third),
    lost: lostCount(written, first),
    acknowledged: written.filter(({ endedAt }) => endedAt !== null).length,
  };
}

/** All at once. */
async function die(programs: readonly HostProgram[]): Promise<void> {
  for (const program of programs) program.signal('SIGKILL');
  await Promise.all(programs.map((program) => program.end('SIGKILL')));
}

function reportOf(rounds: readonly Round[], processes: number): Report {
  const sum = (name: keyof Round): number => rounds.reduce((total, round) => total + round[name], 0);
  const each = (name: keyof Round): number[] => rounds.map((round) => round[name]);
  const [whileAway, afterReturn, lost] = [sum('whileAway'), sum('afterReturn'), sum('lost')];
  const hit = rounds.filter((round) => round.whileAway + round.afterReturn > 0).length;
  return {
    scenario: 'failover',
    words: [
      `${rounds.length} rounds, ${processes} hosts, ${WRITES_UNDER_WAY} writes under way on ${SECTORS} ` +
        `sectors, an uplink of ${UPLINK_KILOBITS / 1_000} Mbit/s`,
      `${whileAway + afterReturn} sectors differ between two readings, in ${hit} rounds: ` +
        `${whileAway} while the host was away, ${afterReturn} after its return`,
      `${lost} acknowledged writes lost of ${sum('acknowledged')}`,
    ],
    figures: {
      ...{ processes, rounds: rounds.length, differing: whileAway + afterReturn, whileAway, afterReturn, lost },
      ...{ acknowledged: sum('acknowledged'), whileAwayOfEach: each('whileAway') },
      afterReturnOfEach: each('afterReturn'),
    },
    broken: brokenOf([
      ['sectors that differ', whileAway + afterReturn, 'at most', 0],
      ['acknowledged writes lost', lost, 'at most', 0],
    ]),
  };
}
