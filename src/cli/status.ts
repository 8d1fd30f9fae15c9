/** `atdd status`: which processes answer, and whether they are enough. */
import type { Command } from 'commander';
import { secondsAsMs } from './amounts.js';
import { addConfigOptions } from './options.js';
import type { StatusOptions } from './runStatus.js';

export function defineStatusCommand(program: Command): void {
  addConfigOptions(program.command('status'))
    .description('show which processes answer, and whether a majority does')
    .option('--timeout <seconds>', 'how long to wait for an answer', secondsAsMs, 2_000)
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExit code: 0 if a majority answers, else 1.')
    .action(async (options: StatusOptions, command: Command) => {
      const { status } = await import('./runStatus.js');
      process.exitCode = await status(command, options);
    });
}
