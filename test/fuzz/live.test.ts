/** Short runs of `npm run fuzz -- --only processes` and `--only nbd`, which make more laps. */
import type { ExecutionContext } from 'ava';
import test from 'ava';
import { TEST_HANG_MS } from '../helpers/hang.js';
import { chooseSeed } from '../helpers/seed.js';
import { Evidence } from './evidence.js';
import { attackGateway } from './gateway.js';
import type { Target } from './options.js';
import type { LiveOptions } from './processes.js';
import { attackProcesses } from './processes.js';
import { report } from './report.js';

/** The first takes everything to its level, the second is compared with it. */
const LAPS = 2;
const ATTACK_MS = 100;

async function attack(
  t: ExecutionContext,
  target: Target,
  run: (options: LiveOptions) => Promise<number>,
): Promise<void> {
  t.timeout(TEST_HANG_MS);
  const seed = chooseSeed();
  t.log(`seed ${seed}`);
  const evidence = new Evidence();
  try {
    const laps = await run({
      scope: t,
      seed,
      attackMs: ATTACK_MS,
      isThorough: false,
      mayGoOn: (lapsDone) => lapsDone < LAPS,
      evidence,
      log: (line) => {
        t.log(line);
      },
    });
    t.is(laps, LAPS);
  } catch (error) {
    const fault = error instanceof Error ? String(error.stack) : String(error);
    t.fail(report({ target, seed, caseNumber: null, fault, bytes: evidence.all() }));
  }
}

test.serial('a gateway outlives what NBD clients do to it, and keeps nothing of it', (t) =>
  attack(t, 'nbd', attackGateway),
);

test.serial('processes outlive strangers, liars and floods, and keep nothing of them', (t) =>
  attack(t, 'processes', attackProcesses),
);
