/** The work of `atdd import`. */
import type { Stats } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { open, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Command } from 'commander';
import type { AtomicDiskClient } from '../client/client.js';
import { SECTOR_SIZE_BYTES } from '../core/sector.js';
import { AtomicDiskError } from '../errors.js';
import { describeBytes, describeSeconds } from './amounts.js';
import { configWords, programName, quote, withClient } from './clientSession.js';
import { describeFileError } from './fileError.js';
import { startProgress } from './progress.js';
import { writeStdout } from './standardStreams.js';
import type { Chunk, DiskRange } from './transfer.js';
import { checkFits, diskOffset, forEachChunk, WINDOW_SECTORS } from './transfer.js';

export interface ImportOptions {
  readonly at: number;
  readonly verify?: true;
  readonly window?: number;
}

/** A file on its way, and where it goes. */
interface Transfer {
  readonly file: FileHandle;
  readonly client: AtomicDiskClient;
  readonly range: DiskRange;
  readonly windowSectors: number;
}

export async function importIntoDisk(
  command: Command,
  path: string,
  { at, verify, window = WINDOW_SECTORS }: ImportOptions,
): Promise<void> {
  await using file = await openToRead(path);
  const lengthBytes = lengthOf(await file.stat(), path);
  await withClient(command, { windowSectors: window }, async ({ client, config }) => {
    const range = { at, lengthBytes, sectors: config.sectors };
    checkFits(range);
    const transfer: Transfer = { file, client, range, windowSectors: window };
    const startMs = performance.now();
    await inChunks('import', transfer, writeChunk);
    const seconds = (performance.now() - startMs) / 1_000;
    if (verify === true) await inChunks('verify', transfer, verifyChunk);
    const name = quote(`${basename(path)}.copy`);
    await writeStdout(
      `imported ${describeBytes(lengthBytes)} to sector ${at} and on in ` +
        `${describeSeconds(seconds)} (${describeBytes(lengthBytes / seconds)}/s)` +
        `${verify === true ? ', verified' : ''}\nTo get it back:\n` +
        `  ${programName()} export ${name} --at ${at} --bytes ${lengthBytes}` +
        `${configWords(command)}\n`,
    );
  });
}

async function openToRead(path: string): Promise<FileHandle> {
  const fail = (error: unknown): never => {
    throw new AtomicDiskError('ATDD_FILE_FAILED', describeFileError(path, error), { cause: error });
  };
  // Looked at before it is opened: to open a FIFO waits for somebody who writes to it.
  lengthOf(await stat(path).catch(fail), path);
  return open(path, 'r').catch(fail);
}

function lengthOf(stats: Stats, path: string): number {
  if (stats.isFile()) return stats.size;
  throw new AtomicDiskError('ATDD_FILE_FAILED', `${path} is not a regular file`);
}

async function inChunks(
  label: string,
  transfer: Transfer,
  handle: (transfer: Transfer, chunk: Chunk) => Promise<void>,
): Promise<void> {
  const { lengthBytes } = transfer.range;
  const progress = await startProgress({
    label,
    totalBytes: lengthBytes,
    stream: process.stderr,
    nowMs: () => performance.now(),
  });
  try {
    await forEachChunk(lengthBytes, transfer.windowSectors, async (chunk) => {
      await handle(transfer, chunk);
      progress.advance(chunk.lengthBytes);
    });
  } finally {
    progress.stop();
  }
}

async function writeChunk({ file, client, range }: Transfer, chunk: Chunk): Promise<void> {
  await client.write(diskOffset(range, chunk), await readFrom(file, chunk));
}

async function verifyChunk({ file, client, range }: Transfer, chunk: Chunk): Promise<void> {
  const [expected, found] = await Promise.all([
    readFrom(file, chunk),
    client.read(diskOffset(range, chunk), chunk.lengthBytes),
  ]);
  if (expected.equals(found)) return;
  const differs = found.findIndex((byte, index) => byte !== expected[index]);
  const sector = range.at + Math.floor((chunk.offsetBytes + differs) / SECTOR_SIZE_BYTES);
  const text = `what the disk holds differs from the file, first in sector ${sector}`;
  throw new AtomicDiskError('ATDD_VERIFY_MISMATCH', text);
}

async function readFrom(file: FileHandle, { offsetBytes, lengthBytes }: Chunk): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(lengthBytes);
  let at = 0;
  while (at < lengthBytes) {
    const { bytesRead } = await file.read(buffer, at, lengthBytes - at, offsetBytes + at);
    if (bytesRead === 0) {
      throw new AtomicDiskError(
        'ATDD_FILE_FAILED',
        'the file has become shorter while it was read',
      );
    }
    at += bytesRead;
  }
  return buffer;
}
