/** `atdd import`: a file onto the disk. */
import type { Command } from 'commander';
import { sectorNumber, wholeNumber } from './amounts.js';
import { addClientOptions } from './clientOptions.js';
import type { ImportOptions } from './transfer/importIntoDisk.js';

export function defineImportCommand(program: Command): void {
  addClientOptions(program.command('import'))
    .description('copy a file onto the disk')
    .argument('<file>', 'the file, device or pipe; - is standard input')
    .option('--at <sector>', 'first sector to write', sectorNumber, 0)
    .option('--verify', 'read everything back and compare')
    .option('--window <sectors>', 'sectors under way at a time (256)', wholeNumber(1, 65_536))
    .addHelpText(
      'after',
      '\nWhat is zeros is written only where the disk holds something else. If the length is not ' +
        'a multiple of 4096, the rest of the last sector keeps its content. ' +
        'The command that gets the file back is printed at the end.',
    )
    .action(async (file: string, options: ImportOptions, command: Command) => {
      const { importIntoDisk } = await import('./transfer/importIntoDisk.js');
      await importIntoDisk(command, file, options);
    });
}
