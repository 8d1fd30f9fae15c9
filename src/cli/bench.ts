/** `atdd bench`: measures how fast the cluster answers. */
import type { Command } from 'commander';
import { Option } from 'commander';
import { countNumber, decimalNumber, sectorNumber, wholeNumber } from './amounts.js';
import { addClientOptions } from './clientOptions.js';
import type { BenchOptions } from './transfer/runBench.js';

const MODES: readonly BenchOptions['mode'][] = ['read', 'write', 'mix'];

export function defineBenchCommand(program: Command): void {
  addClientOptions(program.command('bench'))
    .description('measure reads, writes or a mix of both')
    .addOption(new Option('--mode <mode>', 'what to do').choices(MODES).default(MODES[0]))
    .option('--read-fraction <f>', 'share of reads in a mix', decimalNumber(0, 1), 0.7)
    .option('--connections <n>', 'connections in all', wholeNumber(1, 1_024), 16)
    .option('--depth <n>', 'operations under way on each', wholeNumber(1, 255), 16)
    .option('--seconds <s>', 'how long', decimalNumber(0.1, 86_400), 10)
    .option('--sectors <n>', 'sectors used', countNumber, 4_096)
    .option('--at <sector>', 'first of them (default: the last ones of the disk)', sectorNumber)
    .option('--overwrite', 'write even where there is data: it will be lost')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      '\nWrites fill the sectors with data of their own and leave it there. Sectors that hold ' +
        'anything else are not written to without --overwrite.',
    )
    .action(async (options: BenchOptions, command: Command) => {
      const { bench } = await import('./transfer/runBench.js');
      await bench(command, options);
    });
}
