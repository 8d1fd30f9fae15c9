/** `atdd scrub`: has every process read all its sectors and compare them with the others. */
import type { Command } from 'commander';
import { secondsAsMs } from './amounts.js';
import { addConfigOptions } from './options.js';
import type { ScrubOptions } from './health/runScrub.js';

export function defineScrubCommand(program: Command): void {
  addConfigOptions(program.command('scrub'))
    .description('have every process read all its sectors, compare them, and mend what it can')
    .option('--timeout <seconds>', 'how long to wait for an answer', secondsAsMs, 2_000)
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      '\nWaits until all are through. Ctrl-C ends the waiting (exit code 130), not the scrub.' +
        '\nExit code: 0 if nothing is damaged at the end and every process was compared with all ' +
        'others, else 1.',
    )
    .action(async (options: ScrubOptions, command: Command) => {
      const { scrub } = await import('./health/runScrub.js');
      process.exitCode = await scrub(command, options);
    });
}
