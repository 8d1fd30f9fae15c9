/** The work of `atdd export`. */
import type { FileHandle } from 'node:fs/promises';
import { open } from 'node:fs/promises';
import type { Command } from 'commander';
import { SECTOR_SIZE_BYTES } from '../../core/sector.js';
import { AtomicDiskError } from '../../errors.js';
import { describeBytes, describeSeconds } from '../amounts.js';
import { withClient } from '../clientSession.js';
import { describeFileError } from '../fileError.js';
import type { Progress } from '../progress.js';
import { startProgress } from '../progress.js';
import { assertStandardStream, writeStdout } from '../standardStreams.js';
import type { DiskRange } from './transfer.js';
import { checkFits, readInOrder, WINDOW_SECTORS } from './transfer.js';
import { runsOf } from './zeroRuns.js';

export interface ExportOptions {
  readonly at: number;
  readonly sectors?: number;
  readonly bytes?: number;
  readonly window?: number;
}

/** The destination of the bytes, which come in order. */
interface Sink {
  write(chunk: Uint8Array): Promise<void>;
  /** To be called when all is written. */
  finish(): Promise<void>;
  close(): Promise<void>;
}

export async function exportFromDisk(command: Command, path: string, options: ExportOptions): Promise<void> {
  if (path === '-' && process.stdout.isTTY) {
    throw new AtomicDiskError('ATDD_USAGE', 'not writing bytes to a terminal: redirect them');
  }
  if (path === '-') assertStandardStream('output');
  const { at, window = WINDOW_SECTORS } = options;
  await withClient(command, { windowSectors: window }, async (session) => {
    const { client, config } = session;
    const { sectors } = config;
    const lengthBytes = lengthOf(options, sectors);
    const range: DiskRange = { at, lengthBytes, sectors };
    checkFits(range);
    const startMs = performance.now();
    const progress = await startProgress({
      label: 'export',
      totalBytes: lengthBytes,
      stream: process.stderr,
      nowMs: () => performance.now(),
    });
    session.onStandstill(progress.stand);
    try {
      await pour(readInOrder(client, range, window), path, progress);
    } finally {
      session.onStandstill(() => undefined);
      progress.stop();
    }
    const seconds = (performance.now() - startMs) / 1_000;
    process.stderr.write(
      `exported ${describeBytes(lengthBytes)} from sector ${at} and on in ` +
        `${describeSeconds(seconds)} (${describeBytes(lengthBytes / seconds)}/s)\n`,
    );
  });
}

/** Without a count, the range goes from the first sector to the end of the disk. */
function lengthOf({ at, sectors, bytes }: ExportOptions, diskSectors: number): number {
  if (bytes !== undefined) return bytes;
  return (sectors ?? Math.max(0, diskSectors - at)) * SECTOR_SIZE_BYTES;
}

async function pour(chunks: AsyncIterable<Uint8Array>, path: string, progress: Progress): Promise<void> {
  // The file is opened when there is something to write, so that an older copy is kept if the disk does not answer.
  let sink: Sink | null = null;
  try {
    for await (const chunk of chunks) {
      sink ??= await openSink(path);
      await sink.write(chunk);
      progress.advance(chunk.length);
    }
    sink ??= await openSink(path);
    await sink.finish();
  } finally {
    await sink?.close();
  }
}

async function openSink(path: string): Promise<Sink> {
  return path === '-' ? stdoutSink() : fileSink(path);
}

function stdoutSink(): Sink {
  const nothing = (): Promise<void> => Promise.resolve();
  return { write: writeStdout, finish: nothing, close: nothing };
}

async function fileSink(path: string): Promise<Sink> {
  const fail = (error: unknown): never => {
    throw new AtomicDiskError('ATDD_FILE_FAILED', describeFileError(path, error), { cause: error });
  };
  const file: FileHandle = await open(path, 'w').catch(fail);
  const close = (): Promise<void> => file.close().catch(fail);
  // Parts of a new file that are not written are holes; on a device the old data would stay.
  if ((await file.stat()).isFile()) return sparseSink(file, fail, close);
  return {
    write: async (chunk) => {
      // writeFile goes on at the end of the last write, and writes all of the data.
      await file.writeFile(chunk).catch(fail);
    },
    finish: () => Promise.resolve(),
    close,
  };
}

function sparseSink(file: FileHandle, fail: (error: unknown) => never, close: () => Promise<void>): Sink {
  let length = 0;
  const writeAt = async (data: Uint8Array, position: number): Promise<void> => {
    for (let at = 0; at < data.length;) {
      const { bytesWritten } = await file.write(data, at, data.length - at, position + at);
      at += bytesWritten;
    }
  };
  return {
    write: async (chunk) => {
      for (const { from, to, isZero } of runsOf(chunk)) {
        if (!isZero) await writeAt(chunk.subarray(from, to), length + from).catch(fail);
      }
      length += chunk.length;
    },
    // A file that ends with a hole is too short so far.
    finish: () => file.truncate(length).catch(fail),
    close,
  };
}
