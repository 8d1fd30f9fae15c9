/**
 * The common part of the commands: the option that names the configuration, and the reading of it. A client command is
 * defined as
 *
 *     addConfigOptions(program.command('read')).action(async (…, command: Command) => {
 *       const config = await loadClientConfig(command);
 *
 * The option counts before the name of the command as well as after it.
 */
import type { Command } from 'commander';
import type { ClusterConfig } from '../../config/load.js';
import { announceConfig, announceWarnings } from '../serve/announceConfig.js';

/** Adds `-c, --config <file>`. @returns the command, for chaining. */
export function addConfigOptions(command: Command): Command {
  return command.option(
    '-c, --config <file>',
    'configuration file (default: $ATDD_CONFIG, else the first of ./atdd.json, ' +
      './config/cluster.json, ~/.config/atdd/config.json, /etc/atdd/config.json)',
  );
}

/** The value of `--config`, given after the name of this command or before it; null: it was not given. */
export function configOption(command: Command): string | null {
  const { config } = command.optsWithGlobals<{ config?: string }>();
  return config ?? null;
}

/**
 * Reads the configuration for a client. Names the file on standard error, unless the command line named it, and writes
 * the warnings about it there.
 * @throws {ConfigInvalid}
 */
export async function loadClientConfig(command: Command): Promise<ClusterConfig> {
  const { loadClusterConfig } = await import('../../config/load.js');
  const config = loadClusterConfig({ file: configOption(command) });
  announceConfig(config);
  announceWarnings(config.warnings);
  return config;
}
