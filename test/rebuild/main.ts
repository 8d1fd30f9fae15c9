/** npm run bench:rebuild: see docs/testing.md. */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { ProgramScope } from '../chaos/programScope.js';
import { Cluster } from '../helpers/cluster.js';
import { writeSectors } from '../helpers/manySectors.js';
import type { ProcessStatus } from '../helpers/processStatus.js';
import { inquire } from '../helpers/processStatus.js';
import { SteadyLoad } from './steadyLoad.js';

const USAGE = `npm run bench:rebuild -- [options]
  --mib <n>       how much is on the disk (64)
  --depth <n>     client operations under way at each of two processes (8)
  --seconds <s>   how long it is measured before (10)`;

const SECTORS_PER_MIB = 256;
const LOST = 2;
const OTHERS = [1, 3];
const PROGRESS_MS = 5_000;
const POLL_MS = 50;
const BATCH_SECTORS = 8_192;
/** Without progress for so long it has failed. */
const STUCK_MS_MAX = 60_000;

const scope = new ProgramScope();
const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};
const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;

const options = read(process.argv.slice(2));
if (options === null) {
  process.stderr.write(`${USAGE}\n`);
  process.exit(2);
}
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => {
    void scope.end().finally(() => process.exit(130));
  });
}
try {
  await measure(options.mib * SECTORS_PER_MIB, options.depth, options.seconds * 1_000);
} catch (error) {
  scope.fail(error instanceof Error ? (error.stack ?? error.message) : String(error));
}
await scope.end();
for (const failure of scope.failures) say(`FAILED: ${failure}`);
process.exit(scope.passed ? 0 : 1);

function read(words: string[]): { mib: number; depth: number; seconds: number } | null {
  const text = { type: 'string' } as const;
  try {
    const { values } = parseArgs({
      args: words,
      options: { mib: text, depth: text, seconds: text, help: { type: 'boolean', short: 'h' } },
    });
    const [mib, depth, measured] = [values.mib ?? 64, values.depth ?? 8, values.seconds ?? 10];
    const found = { mib: Number(mib), depth: Number(depth), seconds: Number(measured) };
    const isGood = Object.values(found).every((one) => Number.isInteger(one) && one > 0);
    return isGood && values.help !== true ? found : null;
  } catch {
    return null;
  }
}

async function measure(sectors: number, depth: number, beforeMs: number): Promise<void> {
  const cluster = await Cluster.start(scope, { processCount: 3, sectors });
  await fill(cluster, sectors);
  const load = await SteadyLoad.start(cluster, OTHERS, depth, sectors);
  const before = await rateOver(load, () => sleep(beforeMs));
  say(`before: ${before.toFixed(0)} operations a second`);

  await cluster.kill(LOST);
  await cluster.loseDisk(LOST);
  const began = performance.now();
  const during = await rateOver(load, async () => {
    await cluster.start(LOST);
    const half = await follow(cluster, ({ taken, total }) => total > 0 && taken >= total / 2);
    await cluster.kill(LOST);
    await cluster.start(LOST);
    const resumed = (await inquire(cluster, LOST)).rebuild?.taken;
    say(`killed with ${half.rebuild?.taken} taken in, went on with ${resumed}`);
    await follow(cluster, () => false);
  });
  const tookMs = performance.now() - began;
  await load.stop();
  for (const fault of load.faults) scope.fail(fault);
  const mib = sectors / SECTORS_PER_MIB;
  say(`during: ${during.toFixed(0)} operations a second, ${(during / before).toFixed(2)} of before`);
  say(`rebuilt ${mib} MiB in ${seconds(tookMs)}: ${((mib * 1_000) / tookMs).toFixed(2)} MiB/s`);
}

async function fill(cluster: Cluster, sectors: number): Promise<void> {
  const began = performance.now();
  for (let from = 0; from < sectors; from += BATCH_SECTORS) {
    const length = Math.min(BATCH_SECTORS, sectors - from);
    const batch = Array.from({ length }, (_, index) => from + index);
    const faults = await writeSectors(cluster, cluster.ranks, batch, 'bench');
    if (faults.length > 0) throw new Error(faults[0]);
  }
  const tookMs = performance.now() - began;
  const rate = (sectors * 1_000) / tookMs;
  say(`written: ${sectors} sectors in ${seconds(tookMs)}, ${rate.toFixed(0)} a second`);
}

/** Operations a second while something goes on. */
async function rateOver(load: SteadyLoad, work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  const countBefore = load.answeredCount;
  await work();
  return ((load.answeredCount - countBefore) * 1_000) / (performance.now() - began);
}

/** Shows how far the rebuild is, until it is over or there. */
async function follow(
  cluster: Cluster,
  isThere: (rebuild: { taken: number; total: number }) => boolean,
): Promise<ProcessStatus> {
  let lastTaken = -1;
  let movedAt = performance.now();
  let saidAt = performance.now();
  for (;;) {
    const status = await inquire(cluster, LOST);
    const { rebuild, standing } = status;
    if (standing === 'member' || (rebuild !== null && isThere(rebuild))) return status;
    const now = performance.now();
    if (rebuild !== null && rebuild.taken !== lastTaken) {
      lastTaken = rebuild.taken;
      movedAt = now;
    }
    if (now - movedAt > STUCK_MS_MAX) throw new Error(`it is stuck: ${JSON.stringify(status)}`);
    if (now - saidAt >= PROGRESS_MS) {
      say(`  ${rebuild?.taken ?? 0} of ${rebuild?.total ?? '?'} sectors`);
      saidAt = now;
    }
    await sleep(POLL_MS);
  }
}
