/** `atdd cluster`: runs all processes of a cluster that belong to this machine, and supervises them. */
import type { Command } from 'commander';
import { announceConfig } from '../serve/announceConfig.js';
import { beginInForeground } from '../serve/foreground.js';
import { addConfigOptions, configOption } from './options.js';

export function defineClusterCommand(program: Command): void {
  addConfigOptions(program.command('cluster'))
    .description(
      'run all processes of the cluster that belong to this machine, each a process of its own, ' +
        'and start again those that die',
    )
    .action(async (_options: unknown, command: Command) => {
      beginInForeground();
      const { loadProcessConfig } = await import('../../config/load.js');
      // Every rank is a rank of the same file; to read it as one of them checks all that they need.
      const config = loadProcessConfig({ file: configOption(command), rank: '1' });
      announceConfig(config);
      const { supervise } = await import('../launch/supervise.js');
      process.exitCode = await supervise(config);
    });
}
