/** The work of `atdd write`. */
import type { Command } from 'commander';
import { SECTOR_SIZE_BYTES } from '../../core/sector.js';
import { AtomicDiskError } from '../../errors.js';
import { withClient } from '../clientSession.js';
import { readStdin } from '../standardStreams.js';
import { checkFits } from './transfer.js';

/**
 * Takes all of standard input before it writes anything, because an input of a wrong length must change nothing: `atdd
 * import` takes inputs that do not fit into memory.
 */
const INPUT_BYTES_MAX = 256 * 1024 * 1024;

export async function writeSectors(
  command: Command,
  { sector, pad }: { readonly sector: number; readonly pad: boolean },
): Promise<void> {
  const data = wholeSectors(await readInput(readStdin()), pad);
  await withClient(command, {}, async ({ client, config }) => {
    checkFits({ at: sector, lengthBytes: data.length, sectors: config.sectors });
    await client.write(BigInt(sector) * BigInt(SECTOR_SIZE_BYTES), data);
  });
}

async function readInput(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stream) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > INPUT_BYTES_MAX) {
      const text = `more than ${INPUT_BYTES_MAX} bytes on standard input: use atdd import`;
      throw new AtomicDiskError('ATDD_USAGE', text);
    }
  }
  return Buffer.concat(chunks);
}

/** @throws {AtomicDiskError} ATDD_USAGE if the length is not a whole number of sectors and `pad` is false. */
export function wholeSectors(data: Buffer, pad: boolean): Buffer {
  const excess = data.length % SECTOR_SIZE_BYTES;
  if (data.length > 0 && excess === 0) return data;
  if (data.length > 0 && pad) {
    return Buffer.concat([data, Buffer.alloc(SECTOR_SIZE_BYTES - excess)]);
  }
  const text =
    `standard input has ${data.length} bytes, which is not one or more whole sectors of ` +
    `${SECTOR_SIZE_BYTES}${data.length > 0 ? ' (--pad fills them up with zeros)' : ''}`;
  throw new AtomicDiskError('ATDD_USAGE', text);
}
