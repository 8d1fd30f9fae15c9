/** Three real processes and a lying fourth member, attacked lap after lap; see laps.ts. */
import { Cluster } from '../helpers/cluster.js';
import type { Measured } from '../helpers/levels.js';
import { descriptorsOf, levelsOf, withProbe } from '../helpers/levels.js';
import type { TestScope } from '../helpers/testScope.js';
import type { Battlefield } from './attacks.js';
import { SECTORS, allAtOnce, allPlacesTaken, attacksOn } from './attacks.js';
import type { Evidence } from './evidence.js';
import { GoodClients } from './goodClients.js';
import type { Attack } from './laps.js';
import { runLaps } from './laps.js';
import { LyingMember } from './lyingMember.js';
import { overhear } from './overhearing.js';
import { Recorder, replayAttack } from './replay.js';

export interface LiveOptions {
  readonly scope: TestScope;
  readonly seed: number;
  readonly attackMs: number;
  /** Whether there are the attacks that take longest, too. */
  readonly isThorough: boolean;
  /** Asked before each lap. */
  readonly mayGoOn: (lapsDone: number) => boolean;
  readonly evidence: Evidence;
  readonly log: (line: string) => void;
}

const RANKS = [1, 2, 3];
const LYING_RANK = 4;

/** What a process may take, whatever is done to it: docs/limits.md adds up to less. */
const PEAK_BYTES_MAX = 384 * 2 ** 20;
const RESIDENT_SLACK_BYTES = 48 * 2 ** 20;

/** The first lap takes everything to its level; no process may have more descriptors than that. */
const UNDER_LIMIT = ['sh', '-c', 'ulimit -n 1024; exec "$@"', 'sh'];

/** @throws at the first thing that is wrong. @returns how many laps there were. */
export async function attackProcesses(options: LiveOptions): Promise<number> {
  const { scope, seed, evidence, log } = options;
  const recorder = new Recorder();
  const cluster = await Cluster.prepare(scope, {
    processCount: LYING_RANK,
    absent: [LYING_RANK],
    sectors: SECTORS,
    // The lying member is of a foreign implementation, and what is overheard has to be what anybody could send again.
    config: { members: 'open', extension: 'off' },
    network: (addresses) => overhear(scope, addresses, RANKS.length, recorder.listener),
    wrap: (command) => [...UNDER_LIMIT, ...withProbe(command)],
  });
  const { addresses, keys } = cluster;
  recorder.listen(keys);
  const member = await LyingMember.start({ rank: LYING_RANK, addresses, keys, seed });
  scope.teardown(() => member.stop());
  await cluster.startAll();
  const good = await GoodClients.start(cluster, RANKS);
  scope.teardown(() => good.stop());
  await good.untilDone(100);
  // While everything starts, operations wait for connections between the processes.
  good.takeLongestMs();

  const measured: Measured[] = RANKS.map((rank) => ({
    name: `process ${rank}`,
    pid: cluster.pid(rank),
    log: () => cluster.logOf(rank),
  }));
  const field: Battlefield = {
    scope,
    seed,
    keys,
    addresses: RANKS.map((rank) => addresses[rank - 1]),
    processCount: LYING_RANK,
    operations: () => recorder.operations(),
    usedBytes: async () => {
      const levels = await Promise.all(measured.map(levelsOf));
      return levels.map(({ usedBytes }) => usedBytes);
    },
    evidence,
  };
  const fromOutside = attacksOn(field, true);
  const lies = member.attacks();
  // Newcomers find no place, and are not let in, while others with the key take all of them.
  const places = allPlacesTaken(field);
  const replays = replayAttack(field, cluster, recorder);
  const attacks: Attack[] = [...lies, ...fromOutside, places, replays];
  if (options.isThorough) {
    const socketCounts = async (): Promise<number[]> => {
      const descriptors = await Promise.all(measured.map(({ pid }) => descriptorsOf(pid)));
      return descriptors.map(({ sockets }) => sockets);
    };
    attacks.push(member.goneAfterAsking(socketCounts));
    attacks.push(allAtOnce([...attacksOn(field, false), lies[2]]));
  }
  /** Of the operations of the clients that behave, by attack. */
  const longestMs = new Map<string, number>();
  const laps = await runLaps({
    attacks,
    measured,
    peakBytesMax: PEAK_BYTES_MAX,
    residentSlackBytes: RESIDENT_SLACK_BYTES,
    attackMs: options.attackMs,
    mayGoOn: options.mayGoOn,
    check: async ({ name }) => {
      await good.untilDone(15);
      await assertAllRun(cluster);
      longestMs.set(name, Math.max(longestMs.get(name) ?? 0, good.takeLongestMs()));
    },
    log,
  });
  await good.stop();
  good.check();
  const slowest = [...longestMs].toSorted(([, a], [, b]) => b - a).slice(0, 3);
  const texts = slowest.map(([name, ms]) => `${Math.round(ms)} ms (${name})`);
  log(`meanwhile ${good.operationCount} good operations; the longest took ${texts.join(', ')}`);
  return laps;
}

/** Each process still takes new clients, and has not been started anew. */
async function assertAllRun(cluster: Cluster): Promise<void> {
  for (const rank of RANKS) {
    if (!cluster.isUp(rank)) throw new Error(`process ${rank} has ended`);
    const client = await cluster.client(rank);
    const outcome = await client.ping();
    await client.destroy();
    if (outcome.kind !== 'answered' || outcome.status !== 'InvalidSectorIndex') {
      throw new Error(`process ${rank} answers a newcomer with ${JSON.stringify(outcome)}`);
    }
  }
}
