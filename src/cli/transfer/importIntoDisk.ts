/** The work of `atdd import`. */
import { basename } from 'node:path';
import type { Command } from 'commander';
import type { AtomicDiskClient } from '../../client/client.js';
import { SECTOR_SIZE_BYTES } from '../../core/sector.js';
import { AtomicDiskError } from '../../errors.js';
import { describeBytes, describeSeconds } from '../amounts.js';
import type { ClientSession } from '../clientSession.js';
import { configWords, programName, quote, withClient } from '../clientSession.js';
import type { ImportSource, Piece } from './importSource.js';
import { openSource } from './importSource.js';
import { startProgress } from '../progress.js';
import { writeStdout } from '../standardStreams.js';
import { checkFits, diskOffset, divideWindow, forEachPiece, WINDOW_SECTORS } from './transfer.js';
import { runsOf } from './zeroRuns.js';

export interface ImportOptions {
  readonly at: number;
  readonly verify?: true;
  readonly window?: number;
}

/** An input that is being written, and its place on the disk. */
interface Transfer {
  readonly source: ImportSource;
  readonly session: ClientSession;
  /** Index of the first sector. */
  readonly at: number;
  readonly windowSectors: number;
}

export async function importIntoDisk(
  command: Command,
  path: string,
  { at, verify, window = WINDOW_SECTORS }: ImportOptions,
): Promise<void> {
  await using source = await openSource(path);
  if (verify === true && !source.isRepeatable) {
    const text = `--verify reads the input once more, which ${path} does not allow`;
    throw new AtomicDiskError('ATDD_USAGE', text);
  }
  await withClient(command, { windowSectors: window }, async (session) => {
    const { sectors } = session.config;
    checkFits({ at, lengthBytes: source.lengthBytes ?? 0, sectors });
    const transfer: Transfer = { source, session, at, windowSectors: window };
    const startMs = performance.now();
    const lengthBytes = await inPieces('import', transfer, writePiece);
    const seconds = (performance.now() - startMs) / 1_000;
    if (verify === true) await inPieces('verify', transfer, verifyPiece);
    const name = quote(`${path === '-' ? 'input' : basename(path)}.copy`);
    await writeStdout(
      `imported ${describeBytes(lengthBytes)} to sector ${at} and on in ` +
        `${describeSeconds(seconds)} (${describeBytes(lengthBytes / seconds)}/s)` +
        `${verify === true ? ', verified' : ''}\nTo get it back:\n` +
        `  ${programName()} export ${name} --at ${at} --bytes ${lengthBytes}` +
        `${configWords(command)}\n`,
    );
  });
}

/** @returns the number of bytes of the input. */
async function inPieces(
  label: string,
  { source, session, at, windowSectors }: Transfer,
  handle: (client: AtomicDiskClient, at: number, piece: Piece) => Promise<void>,
): Promise<number> {
  const { client, config } = session;
  const { chunkSectors, chunkCount } = divideWindow(windowSectors);
  const progress = await startProgress({
    label,
    totalBytes: source.lengthBytes,
    stream: process.stderr,
    nowMs: () => performance.now(),
  });
  session.onStandstill(progress.stand);
  let lengthBytes = 0;
  try {
    const pieces = source.pieces(chunkSectors * SECTOR_SIZE_BYTES);
    await forEachPiece(pieces, chunkCount, async (piece) => {
      checkRoom(at, piece, config.sectors);
      await handle(client, at, piece);
      progress.advance(piece.data.length);
      lengthBytes += piece.data.length;
    });
  } finally {
    session.onStandstill(() => undefined);
    progress.stop();
  }
  return lengthBytes;
}

/**
 * Checks the length while reading, because that of a pipe is known only at its end. @throws {AtomicDiskError}
 * ATDD_RANGE
 */
function checkRoom(at: number, { offsetBytes, data }: Piece, sectors: number): void {
  const roomBytes = Math.max(0, sectors - at) * SECTOR_SIZE_BYTES;
  if (offsetBytes + data.length <= roomBytes) return;
  const text =
    `the input is longer than the disk: from sector ${at} on there is room for ${roomBytes} ` +
    `bytes; the first ${offsetBytes} bytes are written`;
  throw new AtomicDiskError('ATDD_RANGE', text);
}

/** Zeros are written only over other data, so a hole stays a hole. */
async function writePiece(client: AtomicDiskClient, at: number, { offsetBytes, data }: Piece): Promise<void> {
  const start = diskOffset({ at }, { offsetBytes });
  const parts = runsOf(data).map(async ({ from, to, isZero }) => {
    const offset = start + BigInt(from);
    const part = data.subarray(from, to);
    if (!isZero) {
      await client.write(offset, part);
      return;
    }
    const found = await client.read(offset, part.length);
    const rests = runsOf(found).filter((run) => !run.isZero);
    await Promise.all(rests.map((rest) => client.write(offset + BigInt(rest.from), part.subarray(rest.from, rest.to))));
  });
  await Promise.all(parts);
}

async function verifyPiece(client: AtomicDiskClient, at: number, { offsetBytes, data }: Piece): Promise<void> {
  const found = await client.read(diskOffset({ at }, { offsetBytes }), data.length);
  if (data.equals(found)) return;
  const differs = found.findIndex((byte, index) => byte !== data[index]);
  const sector = at + Math.floor((offsetBytes + differs) / SECTOR_SIZE_BYTES);
  const text = `what the disk holds differs from the file, first in sector ${sector}`;
  throw new AtomicDiskError('ATDD_VERIFY_MISMATCH', text);
}
