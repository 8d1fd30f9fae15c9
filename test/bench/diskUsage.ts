/** What a folder takes on its file system: holes take nothing, the end of a block does. */
import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** What `st_blocks` counts in, whatever the file system. */
const BLOCK_BYTES = 512;

export function bytesOnDisk(folder: string): number {
  let bytes = 0;
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    // LevelDB removes files meanwhile.
    const found = lstatSync(join(folder, name), { throwIfNoEntry: false });
    bytes += (found?.blocks ?? 0) * BLOCK_BYTES;
  }
  return bytes;
}
