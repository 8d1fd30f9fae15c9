/** `atdd export`: a part of the disk into a file. */
import type { Command } from 'commander';
import { Option } from 'commander';
import { countNumber, sectorNumber, wholeNumber } from './amounts.js';
import { addClientOptions } from './clientOptions.js';
import type { ExportOptions } from './transfer/exportFromDisk.js';

export function defineExportCommand(program: Command): void {
  addClientOptions(program.command('export'))
    .description('copy the disk, or a part of it, into a file')
    .argument('<file>', 'the file, replaced if it is there; - is standard output')
    .option('--at <sector>', 'first sector to read', sectorNumber, 0)
    .addOption(
      new Option('--sectors <count>', 'how many sectors (default: up to the end of the disk)')
        .argParser(countNumber)
        .conflicts('bytes'),
    )
    .addOption(new Option('--bytes <count>', 'how many bytes').argParser(sectorNumber))
    .option('--window <sectors>', 'sectors under way at a time (256)', wholeNumber(1, 65_536))
    .action(async (file: string, options: ExportOptions, command: Command) => {
      const { exportFromDisk } = await import('./transfer/exportFromDisk.js');
      await exportFromDisk(command, file, options);
    });
}
