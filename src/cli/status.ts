/** `atdd status`: shows which processes answer, whether they are a majority, and what each of them lacks. */
import type { Command } from 'commander';
import { secondsAsMs } from './amounts.js';
import { addConfigOptions } from './options.js';
import type { StatusOptions } from './health/runStatus.js';

export function defineStatusCommand(program: Command): void {
  addConfigOptions(program.command('status'))
    .description('show which processes answer, whether a majority does, and what copies are missing')
    .option('--timeout <seconds>', 'how long to wait for an answer', secondsAsMs, 2_000)
    .option('--wait-full <seconds>', 'wait until the redundancy is full, so long', secondsAsMs)
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExit code: 0 if a majority answers and the configurations agree, else 1; with ' +
        '--wait-full 0 if the redundancy is full in time, else 1.',
    )
    .action(async (options: StatusOptions, command: Command) => {
      const { status } = await import('./health/runStatus.js');
      process.exitCode = await status(command, options);
    });
}
