/** Moves many sectors between the disk and files in chunks, several of them at a time. */
import { SECTOR_SIZE_BYTES } from '../../core/sector.js';
import type { AtomicDiskClient } from '../../client/client.js';
import { AtomicDiskError } from '../../errors.js';

/** Sectors under way at a time, unless an option says otherwise: 1 MiB. */
export const WINDOW_SECTORS = 256;

/** Sectors per read or write of a file. */
const CHUNK_SECTORS = 64;

/** A range of the disk. */
export interface DiskRange {
  /** Index of the first sector. */
  readonly at: number;
  readonly lengthBytes: number;
  /** Size of the disk. */
  readonly sectors: number;
}

/** A part of a range; `offsetBytes` counts from the start of the range. */
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

/** Divides a window of sectors: into chunks of `chunkSectors`, of which `chunkCount` are under way at a time. */
export function divideWindow(windowSectors: number): { chunkSectors: number; chunkCount: number } {
  const chunkSectors = Math.min(CHUNK_SECTORS, windowSectors);
  return { chunkSectors, chunkCount: Math.floor(windowSectors / chunkSectors) };
}

/** The offset of a chunk of a range on the disk, in bytes. */
export function diskOffset({ at }: Pick<DiskRange, 'at'>, { offsetBytes }: Pick<Chunk, 'offsetBytes'>): bigint {
  return BigInt(at) * BigInt(SECTOR_SIZE_BYTES) + BigInt(offsetBytes);
}

/** Handles each piece, `atATime` of them at a time, in no order. The first failure ends everything. */
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

/** Reads a range: yields its chunks in order, while the next ones are being read. */
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
    // A failure is reported when the chunk is due; until then it must not count as unhandled.
    read.catch(() => undefined);
    underWay.push(read);
    if (underWay.length >= chunkCount) yield await (underWay.shift() as Promise<Uint8Array>);
  }
  for (const read of underWay) yield await read;
}
