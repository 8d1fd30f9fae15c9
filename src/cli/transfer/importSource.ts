/** The input of `atdd import`, in pieces: a file, a device, a pipe, or standard input. */
import type { Stats } from 'node:fs';
import { readFileSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { open, stat } from 'node:fs/promises';
import { AtomicDiskError } from '../../errors.js';
import { describeFileError } from '../fileError.js';
import { assertStandardStream, readStdin } from '../standardStreams.js';

/** `offsetBytes` counts from the start of the input. */
export interface Piece {
  readonly offsetBytes: number;
  readonly data: Buffer;
}

export interface ImportSource extends AsyncDisposable {
  /** Null: the length is not known before the end. */
  readonly lengthBytes: number | null;
  /** Whether `pieces` can be called a second time. */
  readonly isRepeatable: boolean;
  /** All of the input, in pieces of that size; the last one may be shorter. */
  pieces(sizeBytes: number): AsyncGenerator<Piece, void>;
}

/** @throws {AtomicDiskError} ATDD_FILE_FAILED */
export async function openSource(path: string): Promise<ImportSource> {
  if (path === '-') return standardInput();
  const fail = (error: unknown): never => {
    throw new AtomicDiskError('ATDD_FILE_FAILED', describeFileError(path, error), { cause: error });
  };
  const stats = await stat(path).catch(fail);
  if (stats.isDirectory()) fail(Object.assign(new Error(), { code: 'EISDIR' }));
  // To open a pipe waits until another program opens it for writing.
  const file = await open(path, 'r').catch(fail);
  const lengthBytes = stats.isFile() ? stats.size : blockDeviceBytes(stats);
  const isSeekable = stats.isFile() || stats.isBlockDevice();
  const read = (buffer: Buffer, at: number, position: number): Promise<number> =>
    file.read(buffer, at, buffer.length - at, isSeekable ? position : null).then(({ bytesRead }) => bytesRead, fail);
  return {
    lengthBytes,
    isRepeatable: isSeekable,
    pieces: (sizeBytes) => piecesOf(read, sizeBytes, lengthBytes),
    [Symbol.asyncDispose]: () => closeQuietly(file),
  };
}

async function closeQuietly(file: FileHandle): Promise<void> {
  await file.close().catch(() => undefined);
}

/** @returns null if it is not a device, or if the system does not tell. */
function blockDeviceBytes(stats: Stats): number | null {
  if (!stats.isBlockDevice()) return null;
  const major = (stats.rdev >> 8) & 0xfff;
  const minor = (stats.rdev & 0xff) | ((stats.rdev >> 12) & 0xfff00);
  try {
    const text = readFileSync(`/sys/dev/block/${major}:${minor}/size`, 'latin1');
    return Number(text) * 512;
  } catch {
    return null;
  }
}

/** @param read Reads into the buffer from `at` on, and returns the number of bytes; 0: the end. */
async function* piecesOf(
  read: (buffer: Buffer, at: number, position: number) => Promise<number>,
  sizeBytes: number,
  lengthBytes: number | null,
): AsyncGenerator<Piece, void> {
  let offsetBytes = 0;
  while (lengthBytes === null || offsetBytes < lengthBytes) {
    const wanted = Math.min(sizeBytes, (lengthBytes ?? Infinity) - offsetBytes);
    const buffer = Buffer.allocUnsafe(wanted);
    let filled = 0;
    while (filled < wanted) {
      const count = await read(buffer, filled, offsetBytes + filled);
      if (count === 0) break;
      filled += count;
    }
    if (filled < wanted && lengthBytes !== null) {
      const text = 'the file has become shorter while it was read';
      throw new AtomicDiskError('ATDD_FILE_FAILED', text);
    }
    if (filled > 0) yield { offsetBytes, data: buffer.subarray(0, filled) };
    if (filled < wanted) return;
    offsetBytes += filled;
  }
}

function standardInput(): ImportSource {
  assertStandardStream('input');
  return {
    lengthBytes: null,
    isRepeatable: false,
    pieces: (sizeBytes) => cut(readStdin(), sizeBytes),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** Turns chunks of any length into pieces of one length. */
async function* cut(chunks: AsyncIterable<Buffer>, sizeBytes: number): AsyncGenerator<Piece, void> {
  let offsetBytes = 0;
  let kept: Buffer[] = [];
  let keptBytes = 0;
  for await (const chunk of chunks) {
    kept.push(chunk);
    keptBytes += chunk.length;
    if (keptBytes < sizeBytes) continue;
    const all = Buffer.concat(kept);
    let at = 0;
    for (; all.length - at >= sizeBytes; at += sizeBytes) {
      yield { offsetBytes, data: all.subarray(at, at + sizeBytes) };
      offsetBytes += sizeBytes;
    }
    kept = [all.subarray(at)];
    keptBytes = all.length - at;
  }
  if (keptBytes > 0) yield { offsetBytes, data: Buffer.concat(kept) };
}
