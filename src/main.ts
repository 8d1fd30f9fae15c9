/**
 * The program `atdd`: command line in, exit code out. Without a command it runs one process of the cluster in the
 * foreground.
 *
 * A process has to bind its socket within 300 ms of its launch, also if three are launched at once on two cores, and
 * Node alone takes a third of that. So the way to `run` is short: it imports no library but the one that checks the
 * configuration, and the rest of the command line, with its library and its commands, only if something else is asked
 * for.
 * The exit codes are in src/exitCodes.ts.
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
 * What `run` is asked for, if the words are nothing but that; null for everything else, mistakes and `--help` included.
 * Must agree with the command `run` in src/cli/program.ts.
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
    // Not understood here; the whole command line explains what is wrong, or understands it.
    return null;
  }
}
