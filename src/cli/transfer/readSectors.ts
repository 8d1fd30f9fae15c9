/** The work of `atdd read`. */
import type { Command } from 'commander';
import { SECTOR_SIZE_BYTES } from '../../core/sector.js';
import { AtomicDiskError } from '../../errors.js';
import { withClient } from '../clientSession.js';
import { assertStandardStream, writeStdout } from '../standardStreams.js';
import { readInOrder } from './transfer.js';

export async function readSectors(
  command: Command,
  { sector, count }: { readonly sector: number; readonly count: number },
): Promise<void> {
  if (process.stdout.isTTY) {
    const text = 'not writing bytes to a terminal: redirect them, or pipe them to hexdump -C';
    throw new AtomicDiskError('ATDD_USAGE', text);
  }
  assertStandardStream('output');
  await withClient(command, {}, async ({ client, config }) => {
    const range = { at: sector, lengthBytes: count * SECTOR_SIZE_BYTES, sectors: config.sectors };
    for await (const chunk of readInOrder(client, range)) await writeStdout(chunk);
  });
}
