/**
 * The program `atdd`: command line in, exit code out. Without a command it runs one process of the cluster in the
 * foreground.
 *
 * A process has to bind its socket within 300 ms of its launch, also if three are launched at once on two cores, and
 * Node alone takes a third of that. So `run` loads little: the only library is the one that checks the configuration.
 * The command line with its library and its commands is loaded only for other commands. The exit codes are in
 * src/exitCodes.ts.
 */
import { parseArgs } from 'node:util';
import { AtomicDiskError } from './errors.js';
import { EXIT_FAILURE, EXIT_USAGE } from './exitCodes.js';
import { ignoreOutputErrors } from './serve/foreground.js';
import type { RunOptions } from './serve/runProcess.js';

process.exit(await main(process.argv.slice(2)));

async function main(words: readonly string[]): Promise<number> {
  ignoreOutputErrors();
  try {
    const options = processToRun(words);
    if (options === null) {
      const { runProgram } = await import('./cli/program.js');
      return await runProgram(words);
    }
    const { runProcess } = await import('./serve/runProcess.js');
    return await runProcess(options);
  } catch (error) {
    if (!(error instanceof AtomicDiskError)) throw error;
    process.stderr.write(`atdd: ${error.message} (${error.code})\n`);
    const wrongUse = error.code === 'ATDD_CONFIG_INVALID' || error.code === 'ATDD_USAGE';
    return wrongUse ? EXIT_USAGE : EXIT_FAILURE;
  }
}

/**
 * @returns the options of `run`, if the words ask for nothing else; null for all other words, also for mistakes and
 *   `--help`. Must agree with the command `run` in src/cli/program.ts.
 */
function processToRun(words: readonly string[]): RunOptions | null {
  try {
    const { values, positionals } = parseArgs({
      args: [...words],
      options: {
        config: { type: 'string', short: 'c' },
        rank: { type: 'string', short: 'r' },
        found: { type: 'boolean', default: false },
      },
      allowPositionals: true,
    });
    const plain = positionals.length === 0 || (positionals.length === 1 && positionals[0] === 'run');
    if (!plain) return null;
    const { config = null, rank = null, found } = values;
    return { config, rank, isFounder: found };
  } catch {
    // These words are not understood here. The whole command line understands them or explains the mistake.
    return null;
  }
}
