/**
 * `npm run fuzz`: hostile input for a given time, and the word that nothing came of it; or the seed, the case, the
 * bytes in a file, and the command that does it again. docs/testing.md says what is checked.
 */
import type { TestScope } from '../helpers/testScope.js';
import { chooseSeed } from '../helpers/seed.js';
import { fuzzDecoders, fuzzMemory, reportOf } from './decoders.js';
import { Evidence } from './evidence.js';
import { attackGateway } from './gateway.js';
import type { FuzzOptions, Target } from './options.js';
import { USAGE, UsageError, parseOptions } from './options.js';
import type { LiveOptions } from './processes.js';
import { attackProcesses } from './processes.js';
import { report } from './report.js';

const EXIT_GOOD = 0;
const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

/** Of the time, how much each gets when all have a turn. */
const SHARES: Readonly<Record<Target, number>> = { decoders: 0.4, processes: 0.4, nbd: 0.2 };
const GARBAGE_MEBIBYTES = 512;
const ATTACK_MS = 2_000;
/** One to take everything to its level, and one to compare with it. */
const LAPS_MIN = 2;

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

async function main(words: readonly string[]): Promise<number> {
  let options: FuzzOptions | 'help';
  try {
    options = parseOptions(words, chooseSeed());
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`${error.message}\n${USAGE}\n`);
    return EXIT_USAGE;
  }
  if (options === 'help') {
    say(USAGE);
    return EXIT_GOOD;
  }
  say(`seed ${options.seed}, ${options.minutes} min: ${options.targets.join(', ')}`);
  const total = options.targets.reduce((sum, target) => sum + SHARES[target], 0);
  for (const target of options.targets) {
    const untilMs = performance.now() + (options.minutes * 60_000 * SHARES[target]) / total;
    const isGood = target === 'decoders' ? await decoders(options, untilMs) : await live(target, options, untilMs);
    if (!isGood) return EXIT_FAILED;
  }
  say('nothing found');
  return EXIT_GOOD;
}

async function decoders(options: FuzzOptions, untilMs: number): Promise<boolean> {
  const { seed, caseNumber } = options;
  if (caseNumber === null) {
    const memory = fuzzMemory(seed, GARBAGE_MEBIBYTES);
    say(memory.summary);
    if (memory.fault !== null) {
      say(report({ target: 'decoders', seed, caseNumber, fault: memory.fault, bytes: [] }));
      return false;
    }
  }
  const { finding, summary } = await fuzzDecoders({
    seed,
    firstCase: caseNumber ?? 0,
    mayGoOn: (done) => (caseNumber === null ? performance.now() < untilMs : done === 0),
    progress: say,
  });
  say(`decoders: ${summary}`);
  if (finding === null) return true;
  say(reportOf(seed, finding));
  return false;
}

async function live(target: Exclude<Target, 'decoders'>, { seed }: FuzzOptions, untilMs: number): Promise<boolean> {
  const evidence = new Evidence();
  const scope = new Scope();
  const attack: (options: LiveOptions) => Promise<number> = target === 'processes' ? attackProcesses : attackGateway;
  let fault: string | null = null;
  try {
    const laps = await Promise.race([
      scope.failed,
      attack({
        scope,
        seed,
        attackMs: ATTACK_MS,
        isThorough: true,
        mayGoOn: (lapsDone) => lapsDone < LAPS_MIN || performance.now() < untilMs,
        evidence,
        log: (line) => {
          say(`${target}: ${line}`);
        },
      }),
    ]);
    say(`${target}: ${laps} laps`);
  } catch (error) {
    scope.passed = false;
    fault = error instanceof Error ? String(error.stack) : String(error);
  }
  await scope.end();
  if (fault === null) return true;
  say(report({ target, seed, caseNumber: null, fault, bytes: evidence.all() }));
  return false;
}

/** What was started is ended, last first. */
class Scope implements TestScope {
  passed = true;
  /** Rejects when something fails outside of the course of things. */
  readonly failed: Promise<never>;
  private reject: (reason: Error) => void = () => undefined;
  private readonly teardowns: (() => unknown)[] = [];

  constructor() {
    this.failed = new Promise((_resolve, reject) => (this.reject = reject));
    // Whoever is interrupted leaves nothing behind either.
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, () => {
        this.fail(`interrupted by ${signal}`);
      });
    }
  }

  teardown(fn: () => unknown): void {
    this.teardowns.push(fn);
  }

  fail(message: string): void {
    this.passed = false;
    this.reject(new Error(message));
  }

  log(...values: unknown[]): void {
    say(values.map(String).join(' '));
  }

  async end(): Promise<void> {
    for (const fn of this.teardowns.splice(0).toReversed()) await fn();
  }
}

process.exitCode = await main(process.argv.slice(2));
// Sockets of an attack that failed in the middle may still be open.
process.exit();
