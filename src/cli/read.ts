/** `atdd read`: sectors to standard output. */
import type { Command } from 'commander';
import { countNumber, sectorNumber } from './amounts.js';
import { addClientOptions } from './clientOptions.js';

export function defineReadCommand(program: Command): void {
  addClientOptions(program.command('read'))
    .description('write the content of sectors to standard output')
    .argument('<sector>', 'index of the first sector', sectorNumber)
    .option('-n, --count <sectors>', 'how many sectors', countNumber, 1)
    .addHelpText('after', '\nExample:\n  atdd read 7 | hexdump -C')
    .action(async (sector: number, { count }: { readonly count: number }, command: Command) => {
      const { readSectors } = await import('./transfer/readSectors.js');
      await readSectors(command, { sector, count });
    });
}
