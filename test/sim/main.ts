/**
 * npm run simulate: clusters in virtual time, many of them, or one again.
 *
 * The simulation is imported late, so that a deliberate fault can be put into what it loads.
 */
import { randomInt } from 'node:crypto';
import { Counts } from './counts.js';
import { injectFault } from './injectFault.js';
import { parseOptions, USAGE, UsageError, type CliOptions } from './options.js';
import { runParts, type PartResult } from './parts.js';
import {
  commandFor,
  describeCounts,
  describeFailure,
  describeLine,
  missingFrom,
  RUNS_THAT_EXERCISE_ALL,
} from './report.js';
import type { RunOptions } from './run.js';

const PROGRESS_MS = 10_000;

async function main(args: readonly string[]): Promise<number> {
  const options = parseOptions(args);
  if (options.inject !== null) injectFault(options.inject);
  const seed = options.seed ?? randomInt(2 ** 31);
  if (options.isPart) return searchPart(options, seed);
  return options.runs === 1 ? replay(options, seed) : searchAll(options, seed);
}

function runOptionsOf(options: CliOptions, seed: number): RunOptions {
  const { processCount, seconds, isBlackBox, only, extension, workers, isStrict, schedule } = options;
  return {
    ...{ seed, processCount, seconds, isBlackBox, workers, isStrict },
    ...(only !== null && { only }),
    ...(schedule !== null && { schedule }),
    ...(extension !== null && { extension }),
  };
}

/** One run, and again with its trace if that is asked for or it fails. */
async function replay(options: CliOptions, seed: number): Promise<number> {
  const { simulateAny, shrink } = await import('./search.js');
  let run = runOptionsOf(options, seed);
  let result = simulateAny({ ...run, isRecording: options.isTraced });
  if (options.isTraced) for (const line of result.lines) console.log(describeLine(line));
  const counts = new Counts();
  counts.addAll(result.counts);
  console.log(describeCounts(counts));
  console.log(`seed ${seed}: ${result.seconds.toFixed(1)} simulated seconds, trace ${result.hash}`);
  if (result.finding === null) return 0;
  if (options.isShrunk) {
    const { check } = result.finding;
    run = { ...run, only: shrink(run, ({ finding }) => finding?.check === check) };
  }
  result = simulateAny({ ...run, isRecording: true });
  console.log(`\nFAILED: ${describeFailure(result, run.only)}\n\n${commandFor(run)}`);
  return 1;
}

/** For the program that started this one: one line of JSON for each run that failed, and one. */
async function searchPart(options: CliOptions, seed: number): Promise<number> {
  const { search } = await import('./search.js');
  let lastMs = performance.now();
  let runs = 0;
  const result = search({
    seeds: Array.from({ length: options.runs }, (_, index) => seed + index),
    run: runOptionsOf(options, seed),
    failuresMax: options.failuresMax,
    onRun: () => {
      runs += 1;
      if (performance.now() - lastMs < PROGRESS_MS) return;
      lastMs = performance.now();
      process.stderr.write(`${runs}\n`);
    },
  });
  const part: PartResult = {
    runs: result.runs,
    seconds: result.seconds,
    failures: result.failures,
    counts: [...result.counts.byName],
  };
  console.log(JSON.stringify(part));
  return 0;
}

async function searchAll(options: CliOptions, seed: number): Promise<number> {
  const { processCount, seconds, runs, jobs } = options;
  console.log(
    `${runs} runs of ${processCount} processes, ${seconds} s each, seeds from ${seed}` +
      (options.inject === null ? '' : `, with the fault "${options.inject}"`),
  );
  const startedMs = performance.now();
  const result = await runParts(options, seed, (done) => {
    console.log(`  ${done} of ${runs}`);
  });
  const tookS = (performance.now() - startedMs) / 1_000;
  console.log(describeCounts(result.counts));
  console.log(
    `${result.runs} runs, ${result.seconds.toFixed(0)} simulated seconds, in ` +
      `${tookS.toFixed(0)} s: ${((result.runs / tookS) * 60).toFixed(0)} runs a minute, ` +
      `${jobs} at a time`,
  );
  for (const failure of result.failures) {
    const run = runOptionsOf(options, failure.seed);
    console.log(`\nFAILED: ${failure.check}: ${failure.text}\n${commandFor(run)}`);
  }
  if (result.failures.length > 0) return 1;
  const missing = missingFrom(result.counts, options.isStrict);
  if (missing.length === 0 || runs < RUNS_THAT_EXERCISE_ALL || processCount < 3) return 0;
  console.log(`\nFAILED: never happened: ${missing.join(', ')}`);
  return 1;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`${error.message}\n\n${USAGE}`);
  process.exitCode = 2;
}
