/** `atdd check-config`: checks a configuration, and shows it with its defaults. */
import type { Command } from 'commander';
import type { ClusterConfig, ProcessConfig } from '../../config/load.js';
import { announceConfig, announceWarnings } from '../serve/announceConfig.js';
import { addConfigOptions, configOption } from './options.js';
import { writeStdout } from './standardStreams.js';

export function defineCheckConfigCommand(program: Command): void {
  addConfigOptions(program.command('check-config'))
    .description('check a configuration and print what it comes to, without the keys')
    .option('--rank <number>', 'as for the process of this rank; else as for a client')
    .action(async (_options: unknown, command: Command) => {
      const { rank } = command.optsWithGlobals<{ rank?: string }>();
      const { evenNumberWarning, loadClusterConfig, loadProcessConfig } = await import('../../config/load.js');
      const file = configOption(command);
      const config = rank === undefined ? loadClusterConfig({ file }) : loadProcessConfig({ file, rank });
      announceConfig(config);
      const more = rank === undefined ? evenNumberWarning(config.processes.length) : [];
      announceWarnings([...config.warnings, ...more]);
      await writeStdout(`${describeConfig(config)}\n`);
    });
}

/** Everything but the keys and what is in the output already. */
function describeConfig(config: ClusterConfig | ProcessConfig): string {
  const hidden = ['clientKey', 'systemKey', 'chosenBy', 'warnings'];
  return JSON.stringify(config, (field, value: unknown) => (hidden.includes(field) ? undefined : value), 2);
}
