/** Moving many sectors between the disk and files: chunks, some of them under way at a time. */
import { SECTOR_SIZE_BYTES } from '../../core/sector.js';
import type { AtomicDiskClient } from '../../client/client.js';
import { AtomicDiskError } from '../../errors.js';

/** Sectors under way at a time, unless the command says otherwise: 1 MiB. */
export const WINDOW_SECTORS = 256;

/** Sectors per read or write of a file. */
const CHUNK_SECTORS = 64;

/** A place on the disk. */
export interface DiskRange {
  /** Index of the first sector. */
  readonly at: number;
  readonly lengthBytes: number;
  /** Size of the disk. */
  readonly sectors: number;
}

/** A piece of it; `offsetBytes` counts from the start of the range. */
export interface Chunk {
  readonly offsetBytes: number;
  readonly lengthBytes: number;
}

/** @throws {AtomicDiskError} ATDD_RANGE if the range leaves the disk. */
export function checkFits({ at, lengthBytes, sectors }: DiskRange): void {
  const count = Math.ceil(lengthBytes / SECTOR_SIZE_BYTES);
  if (at + count <= sectors) return;
  const text = `sectors ${at} to ${at + count - 1} are not all on a disk of ${sectors} sectors`;
  throw new AtomicDiskError('ATDD_RANGE', text);
}

/** The chunks of a length, in order. */
export function* chunksOf(lengthBytes: number, chunkSectors: number): Generator<Chunk, void> {
  const sizeBytes = chunkSectors * SECTOR_SIZE_BYTES;
  for (let offsetBytes = 0; offsetBytes < lengthBytes; offsetBytes += sizeBytes) {
    yield { offsetBytes, lengthBytes: Math.min(sizeBytes, lengthBytes - offsetBytes) };
  }
}

/** How a window of sectors is divided: chunks of so many sectors, so many of them at a time. */
export function divideWindow(windowSectors: number): { chunkSectors: number; chunkCount: number } {
  const chunkSectors = Math.min(CHUNK_SECTORS, windowSectors);
  return { chunkSectors, chunkCount: Math.floor(windowSectors / chunkSectors) };
}

/** Where a chunk of a range begins on the disk. */
export function diskOffset({ at }: Pick<DiskRange, 'at'>, { offsetBytes }: Pick<Chunk, 'offsetBytes'>): bigint {
  return BigInt(at) * BigInt(SECTOR_SIZE_BYTES) + BigInt(offsetBytes);
}

/** Handles each piece, so many of them at a time, in no order. The first failure ends it. */
export async function forEachPiece<T>(
  pieces: Generator<T, void> | AsyncGenerator<T, void>,
  atATime: number,
  handle: (piece: T) => Promise<void>,
): Promise<void> {
  let failed = false;
  const handleNext = async (): Promise<void> => {
    for await (const piece of pieces) {
      await handle(piece).catch((error: unknown) => {
        failed = true;
        throw error;
      });
      if (failed) return;
    }
  };
  await Promise.all(Array.from({ length: atATime }, handleNext));
}

/** Handles each chunk of a length, a window of them at a time, in no order. */
export async function forEachChunk(
  lengthBytes: number,
  windowSectors: number,
  handle: (chunk: Chunk) => Promise<void>,
): Promise<void> {
  const { chunkSectors, chunkCount } = divideWindow(windowSectors);
  await forEachPiece(chunksOf(lengthBytes, chunkSectors), chunkCount, handle);
}

/** Reads a range: its chunks in order, the next ones under way meanwhile. */
export async function* readInOrder(
  client: Pick<AtomicDiskClient, 'read'>,
  range: DiskRange,
  windowSectors: number = WINDOW_SECTORS,
): AsyncGenerator<Uint8Array, void> {
  checkFits(range);
  const { chunkSectors, chunkCount } = divideWindow(windowSectors);
  const underWay: Promise<Uint8Array>[] = [];
  for (const chunk of chunksOf(range.lengthBytes, chunkSectors)) {
    const read = client.read(diskOffset(range, chunk), chunk.lengthBytes);
    // Its failure is met when its turn comes; until then it is not unhandled.
    read.catch(() => undefined);
    underWay.push(read);
    if (underWay.length >= chunkCount) yield await (underWay.shift() as Promise<Uint8Array>);
  }
  for (const read of underWay) yield await read;
}
