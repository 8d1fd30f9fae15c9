/** `atdd nbd`: the disk as a network block device, for Linux, QEMU and others. */
import type { Command } from 'commander';
import { beginInForeground } from '../serve/foreground.js';
import type { GatewayCommandOptions } from '../serve/gatewayConfig.js';
import { addConfigOptions, loadClientConfig } from './options.js';

export function defineNbdCommand(program: Command): void {
  addConfigOptions(program.command('nbd'))
    .description('serve the disk over NBD, so that Linux, QEMU and others can attach it')
    .option('--listen <address>', 'host:port to listen on (default: 127.0.0.1:10809)')
    .option('--socket <path>', 'a Unix socket to listen on as well')
    .addHelpText(
      'after',
      '\nRuns in the foreground until SIGTERM. It keeps nothing: run one on each machine that ' +
        'uses the disk. What is served stands in the section nbd of the configuration; ' +
        'docs/nbd.md says how to attach it.',
    )
    .action(async (options: GatewayCommandOptions, command: Command) => {
      beginInForeground();
      const config = await loadClientConfig(command);
      const { serveGateway } = await import('../serve/serveGateway.js');
      process.exitCode = await serveGateway(config, options);
    });
}
