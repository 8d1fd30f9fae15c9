/** npm run chaos: see options.ts, and docs/testing.md. */
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { writeHistory } from './historyFile.js';
import type { ReadOptions } from './options.js';
import { readOptions, USAGE } from './options.js';
import { ProgramScope } from './programScope.js';
import type { ChaosReport } from './runChaos.js';
import { runChaos } from './runChaos.js';
import { tableOf } from './summary.js';

const EXIT_GOOD = 0;
const EXIT_FAILED = 1;
const EXIT_USAGE = 2;
const EXIT_INTERRUPTED = 130;

/** From this length on the longest episodes outlast the patience of processes: 10 s of silence. */
const LONG_RUN_MS = 120_000;

const scope = new ProgramScope();
const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

const read = await withWritableOut(readOptions(process.argv.slice(2)));
if (read.kind === 'help') say(USAGE);
else if (read.kind === 'wrong') {
  process.stderr.write(`chaos: ${read.mistakes.join('\nchaos: ')}\n${USAGE}\n`);
  process.exitCode = EXIT_USAGE;
} else {
  const { options } = read;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      say(`chaos: ${signal}: ending the processes`);
      void scope.end().finally(() => process.exit(EXIT_INTERRUPTED));
    });
  }
  const durationMs = options.minutes * 60_000;
  say(
    `chaos: ${options.processes} processes, ${options.clients} raw clients, ` +
      `${options.libraryClients} clients of the library, ${options.minutes} minutes, ` +
      `--seed ${options.seed}`,
  );
  try {
    const report = await runChaos(scope, {
      processCount: options.processes,
      clientCount: options.clients,
      libraryClientCount: options.libraryClients,
      seed: options.seed,
      durationMs,
      killCountMin: 0,
      longMs: durationMs < LONG_RUN_MS ? 4_000 : 13_000,
      onProgress: say,
    });
    await tell(report, options.out);
  } catch (error) {
    scope.fail(error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  await scope.end();
  for (const failure of scope.failures) say(`\nFAILED: ${failure}`);
  say(scope.passed ? '\nchaos: passed' : `\nchaos: FAILED (--seed ${options.seed})`);
  process.exit(scope.passed ? EXIT_GOOD : EXIT_FAILED);
}

/** Not to find out after the run that its history cannot be kept. */
async function withWritableOut(found: ReadOptions): Promise<ReadOptions> {
  if (found.kind !== 'good' || found.options.out === null) return found;
  const { out } = found.options;
  try {
    await writeFile(out, '');
    return found;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const mistake = `--out: found "${out}", expected a file that can be written: ${why}`;
    return { kind: 'wrong', mistakes: [mistake] };
  }
}

async function tell(report: ChaosReport, out: string | null): Promise<void> {
  say(`\n${tableOf(report.summary)}`);
  for (const failure of report.failures) scope.fail(failure);
  for (const { text } of report.explained) {
    say(`\nA write that was lost and sent again came back (ADR 0006, "What remains"): ${text}`);
  }
  if (scope.passed && report.explained.length === 0 && out === null) return;
  const file = out ?? path.join(tmpdir(), `atdd-chaos-${report.history.seed}.json`);
  await writeHistory(file, report.history);
  say(`\nthe whole history: ${file}`);
}
