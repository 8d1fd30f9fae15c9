/** Options of every client command. This file imports little, because it is loaded with the program. */
import type { Command } from 'commander';
import { secondsAsMs } from './amounts.js';
import { addConfigOptions } from './options.js';

export function addClientOptions(command: Command): Command {
  return addConfigOptions(command).option(
    '--timeout <seconds>',
    'give up when an operation takes longer (default: wait until the cluster answers)',
    secondsAsMs,
  );
}
