/** `atdd keygen`: makes the two keys of a cluster. Shows where they are, never what they are. */
import type { Command } from 'commander';
import { writeStdout } from './standardStreams.js';

interface KeygenOptions {
  readonly out: string;
  readonly force?: true;
}

export function defineKeygenCommand(program: Command): void {
  program
    .command('keygen')
    .description('make client.key and system.key, readable by you alone')
    .option('-o, --out <folder>', 'folder to write them to, made if it is missing', '.')
    .option('-f, --force', 'replace keys that are there')
    .action(async ({ out, force }: KeygenOptions) => {
      const { writeKeys } = await import('./writeKeys.js');
      const paths = writeKeys({ folder: out, force: force === true });
      for (const path of paths) await writeStdout(`${path}\n`);
    });
}
