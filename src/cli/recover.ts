/** `atdd recover`: an operator vouches for a disk that the cluster takes for another one. */
import type { Command } from 'commander';
import { announceConfig } from '../serve/announceConfig.js';
import { addConfigOptions, configOption } from './options.js';

export interface RecoverOptions {
  readonly rank?: string;
  readonly setAside?: true;
}

export function defineRecoverCommand(program: Command): void {
  addConfigOptions(program.command('recover'))
    .description(
      'vouch that the disk of a process was never replaced, or set its folder aside; the process ' +
        'has to be stopped',
    )
    .option('-r, --rank <number>', 'rank of the process')
    .option(
      '--set-aside',
      'rename the folder, with all that is in it, so that the process joins the others as one ' + 'whose disk is new',
    )
    .addHelpText(
      'after',
      '\nFor a process that waits for members although its disk is whole: since another version ' +
        'of this\nprogram was told of wrong addresses, say. And for two clusters that were ' +
        'founded apart and have met.\nIt says what is there and what is at risk, and asks for a ' +
        'word; docs/faults.md has the cases.',
    )
    .action(async ({ setAside }: RecoverOptions, command: Command) => {
      const { rank = null } = command.optsWithGlobals<{ rank?: string }>();
      const { loadProcessConfig } = await import('../../config/load.js');
      const config = loadProcessConfig({ file: configOption(command), rank });
      announceConfig(config);
      const { recover } = await import('./runRecover.js');
      process.exitCode = await recover(config, setAside === true);
    });
}
