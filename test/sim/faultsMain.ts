/**
 * npm run simulate:faults: each deliberate fault, and after how many runs the simulation finds it, once with all its
 * checks and once by what users see alone. Names as arguments: only those.
 */
import type { DeliberateFault } from './deliberateFault.js';
import { DELIBERATE_FAULTS } from './deliberateFaults.js';
import { runPart } from './parts.js';

const SEED = 1;
const SECONDS = 5;

interface Caught {
  readonly runs: number;
  readonly check: string;
}

async function runsUntilCaught(fault: DeliberateFault, runs: number, isBlackBox: boolean): Promise<Caught | null> {
  const options = {
    processCount: fault.processCount,
    seconds: SECONDS,
    isBlackBox,
    isStrict: fault.isStrict === true,
    schedule: fault.schedule ?? null,
    extension: fault.extension ?? null,
    workers: fault.workers ?? 0,
    inject: fault.name,
    only: null,
    failuresMax: 1,
  };
  const result = await runPart(options, SEED, runs, () => undefined);
  if (result.failures.length === 0) return null;
  return { runs: result.runs, check: result.failures[0].check };
}

async function rowOf(fault: DeliberateFault): Promise<{ row: string; isCaught: boolean }> {
  const caught = await runsUntilCaught(fault, fault.runs, false);
  const seen = fault.blackBoxRuns === null ? null : await runsUntilCaught(fault, fault.blackBoxRuns, true);
  const isCaught = caught !== null && (fault.blackBoxRuns === null || seen !== null);
  const by = fault.schedule === undefined ? '' : `, by schedule \`${fault.schedule}\``;
  const tell = (result: Caught | null, runs: number): string =>
    result === null ? `NOT within ${runs}` : `${result.runs} of ${runs}: ${result.check}${by}`;
  const cells = [
    `\`${fault.name}\``,
    fault.text,
    tell(caught, fault.runs),
    fault.blackBoxRuns === null ? '–' : tell(seen, fault.blackBoxRuns),
  ];
  return { row: `| ${cells.join(' | ')} |`, isCaught };
}

async function main(names: readonly string[]): Promise<number> {
  const unknown = names.filter((name) => !DELIBERATE_FAULTS.some((fault) => fault.name === name));
  if (unknown.length > 0) {
    const known = DELIBERATE_FAULTS.map(({ name }) => name).join(', ');
    console.error(`there is no deliberate fault "${unknown[0]}"; there are: ${known}`);
    return 2;
  }
  const faults = DELIBERATE_FAULTS.filter(({ name }) => names.length === 0 || names.includes(name));
  console.log('| fault | what is wrong | caught after | by users alone after |');
  console.log('| --- | --- | --- | --- |');
  const missed: string[] = [];
  for (const fault of faults) {
    const { row, isCaught } = await rowOf(fault);
    console.log(row);
    if (!isCaught) missed.push(fault.name);
  }
  if (missed.length === 0) return 0;
  console.log(`\nFAILED: not caught: ${missed.join(', ')}`);
  return 1;
}

process.exitCode = await main(process.argv.slice(2));
