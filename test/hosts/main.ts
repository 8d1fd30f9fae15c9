/** npm run chaos:hosts: see options.ts, and docs/testing.md. */
import { dice } from '../helpers/seed.js';
import { runContention } from './contention.js';
import { runFailover } from './failover.js';
import { HostNetwork } from './hostNetwork.js';
import { runKill } from './kill.js';
import type { CommandLine, Scenario } from './options.js';
import { readOptions, USAGE } from './options.js';
import { linesOf } from './report.js';
import type { RunScenario } from './scenario.js';
import { runCut, runHang } from './silence.js';
import { inspectSurroundings } from './surroundings.js';

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;
const EXIT_NOT_HERE = 3;
const EXIT_INTERRUPTED = 130;

const SCENARIOS: Readonly<Record<Scenario, RunScenario>> = {
  cut: runCut,
  hang: runHang,
  failover: runFailover,
  kill: runKill,
  contention: runContention,
};

const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};
const complain = (text: string): void => {
  process.stderr.write(`chaos:hosts: ${text}\n`);
};

const read = readOptions(process.argv.slice(2));
if (read.kind === 'help') say(USAGE);
else if (read.kind === 'wrong') {
  for (const mistake of read.mistakes) complain(mistake);
  process.stderr.write(`${USAGE}\n`);
  process.exitCode = EXIT_USAGE;
} else process.exit(await main(read.options));

async function main(options: CommandLine): Promise<number> {
  const { missing, python } = inspectSurroundings();
  let network: HostNetwork;
  try {
    if (missing.length > 0) throw new Error(missing.join('; '));
    network = HostNetwork.create(options.processes + 1);
  } catch (error) {
    complain(`hosts cannot be made here, and nothing was tried: ${(error as Error).message}`);
    return EXIT_NOT_HERE;
  }
  // All that was started ends with this process: children.ts, hostNetwork.ts and hostCluster.ts see to it.
  process.once('SIGINT', () => process.exit(EXIT_INTERRUPTED));
  say(`chaos:hosts: ${options.scenarios.join(', ')}; ${options.processes} processes, --seed ${options.seed}`);
  const broken: string[] = [];
  for (const name of options.scenarios) {
    try {
      const surrounding = { network, python, options, random: dice(options.seed), say };
      for await (const report of SCENARIOS[name](surrounding)) {
        for (const line of linesOf(report)) say(line);
        broken.push(...report.broken.map((text) => `${name}: ${text}`));
      }
    } catch (error) {
      complain(`${name}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
      return EXIT_FAILED;
    }
  }
  return verdict(broken, options.expects);
}

function verdict(broken: readonly string[], expects: boolean): number {
  if (broken.length === 0) {
    say('chaos:hosts: every figure is within its bounds');
    return 0;
  }
  const note = expects ? '' : ' (no failure without --expect)';
  say(`chaos:hosts: ${broken.length} figures are outside their bounds${note}`);
  return expects ? EXIT_FAILED : 0;
}
