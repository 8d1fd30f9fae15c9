/** `atdd write`: standard input to sectors. */
import type { Command } from 'commander';
import { sectorNumber } from './amounts.js';
import { addClientOptions } from './clientOptions.js';

export function defineWriteCommand(program: Command): void {
  addClientOptions(program.command('write'))
    .description('write standard input, whole sectors of 4096 bytes, to sectors')
    .argument('<sector>', 'index of the first sector', sectorNumber)
    .option('--pad', 'fill the last sector up with zeros')
    .addHelpText('after', '\nExample:\n  echo hello | atdd write 7 --pad')
    .action(async (sector: number, { pad }: { readonly pad?: true }, command: Command) => {
      const { writeSectors } = await import('./transfer/writeSectors.js');
      await writeSectors(command, { sector, pad: pad === true });
    });
}
