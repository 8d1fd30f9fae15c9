/** The whole command line: every command with its options, `--help` and `--version`. */
import { Command, CommanderError } from 'commander';
import { nearest } from '../../config/mistake.js';
import { EXIT_SUCCESS, EXIT_USAGE } from '../exitCodes.js';
import { STORE_FORMAT_VERSION } from '../store/superblock.js';
import { defineBenchCommand } from './bench.js';
import { defineCheckConfigCommand } from './checkConfig.js';
import { defineClusterCommand } from './cluster.js';
import { defineExportCommand } from './exportFile.js';
import { defineImportCommand } from './importFile.js';
import { defineKeygenCommand } from './keygen.js';
import { defineNbdCommand } from './nbd.js';
import { addConfigOptions, configOption } from './options.js';
import { defineRecoverCommand } from './recover.js';
import { defineReadCommand } from './read.js';
import { runProcess } from '../serve/runProcess.js';
import { defineScrubCommand } from './scrub.js';
import { defineStatusCommand } from './status.js';
import { programVersion } from '../serve/version.js';
import { defineWriteCommand } from './write.js';

/** Version of docs/wire-protocol.md. It changes when older programs cannot talk to this one any more. */
const PROTOCOL_VERSION = 1;

/** Carries out the command line, without the program's name. @returns the exit code. */
export async function runProgram(words: readonly string[]): Promise<number> {
  try {
    await defineProgram().parseAsync(words, { from: 'user' });
    return Number(process.exitCode ?? EXIT_SUCCESS);
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // The library has shown the mistake. Help and version are "errors" with exit code 0.
    return error.exitCode === EXIT_SUCCESS ? EXIT_SUCCESS : EXIT_USAGE;
  }
}

function defineProgram(): Command {
  const program = new Command('atdd')
    .description(
      'Atomic Disk Drive: a disk kept by several processes. Without a command: run one of them ' +
        'in the foreground, like "atdd run".',
    )
    .version(`${programVersion()} (protocol ${PROTOCOL_VERSION}, disk format ${STORE_FORMAT_VERSION})`)
    .enablePositionalOptions()
    .showHelpAfterError('(--help tells more)')
    .exitOverride();
  addRunOptions(program.command('run'))
    .description('run one process of the cluster in the foreground')
    .action(runAction);
  defineClusterCommand(program);
  defineStatusCommand(program);
  defineScrubCommand(program);
  defineReadCommand(program);
  defineWriteCommand(program);
  defineImportCommand(program);
  defineExportCommand(program);
  defineNbdCommand(program);
  defineBenchCommand(program);
  defineKeygenCommand(program);
  defineCheckConfigCommand(program);
  defineRecoverCommand(program);
  // The commands come last, because they copy the settings made before them.
  addRunOptions(program)
    .allowExcessArguments()
    .action(async (options: unknown, command: Command) => {
      const word = command.args.at(0);
      if (word !== undefined) failOnUnknownCommand(command, word);
      await runAction(options, command);
    });
  return program;
}

function addRunOptions(command: Command): Command {
  return addConfigOptions(command)
    .option('-r, --rank <number>', 'rank of the process (default: $ATDD_RANK, else what the configuration says)')
    .option(
      '--found',
      'found a new cluster, though not all of its processes are there: you vouch that none of ' +
        'them has ever been part of one',
    );
}

async function runAction(_options: unknown, command: Command): Promise<void> {
  const { rank = null, found = false } = command.optsWithGlobals<{
    rank?: string;
    found?: boolean;
  }>();
  const config = configOption(command);
  process.exitCode = await runProcess({ config, rank, isFounder: found });
}

function failOnUnknownCommand(program: Command, word: string): never {
  const near = nearest(
    word,
    program.commands.map((command) => command.name()),
  );
  const hint = near === null ? '' : ` (did you mean ${near}?)`;
  return program.error(`error: unknown command '${word}'${hint}`);
}
