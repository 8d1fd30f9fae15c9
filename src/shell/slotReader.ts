/**
 * Reads slots of the data file.
 *
 * A read that the system's cache answers takes two microseconds. Through the thread pool it takes ten times as long,
 * most of that on the main thread, which has to wake another one. So a slot is read on the spot, unless reads have
 * turned out to be slow. Then the next reads go through the pool, side by side, and only one in POOLED_READS is tried
 * on the spot again. A disk that hangs stops the process for the time of two reads at most.
 *
 * A long piece goes through the pool in any case: to copy it would take the main thread longer than to have it copied.
 */
import { read, readSync } from 'node:fs';
import { Observable } from 'rxjs';
import { SECTOR_SIZE_BYTES } from '../core/sector.js';
import type { SlotFile } from '../ports/blockFiles.js';

/** A read that takes longer than this came from the disk, or this process had to wait for a core. */
const SLOW_MS = 0.3;
/** One slow read may have waited for a core. Two slow reads among so many in a row on the spot are due to the disk. */
const SLOW_AMONG_READS = 8;
/** The number of reads that go through the thread pool after that. */
const POOLED_READS = 128;

/** From so many slots in a row on, a piece is long. */
const LONG_SLOTS = 32;

export interface SlotReaderOptions {
  readonly descriptor: number;
  /** The text of the error of a failed read, which began with that slot. */
  readonly failure: (slot: number, cause: unknown) => Error;
  readonly nowMs?: () => number;
}

/** Slots in a row, and the place of their bytes in what is read. */
interface Piece {
  readonly slot: number;
  readonly count: number;
  readonly at: number;
}

/** Each observable reads when it is subscribed to, emits the bytes of the slots and completes. */
export function slotReader(options: SlotReaderOptions): Pick<SlotFile, 'read' | 'readAll'> {
  const { descriptor, failure, nowMs = () => performance.now() } = options;
  let pooledLeft = 0;
  let readsSinceSlow = SLOW_AMONG_READS;

  const readAtOnce = (data: Uint8Array, { slot, count, at }: Piece): void => {
    const startMs = nowMs();
    const end = at + count * SECTOR_SIZE_BYTES;
    for (let done = at; done < end;) {
      const read = readSync(descriptor, data, done, end - done, slot * SECTOR_SIZE_BYTES + done - at);
      if (read === 0) throw endsEarly(slot + Math.floor((done - at) / SECTOR_SIZE_BYTES));
      done += read;
    }
    readsSinceSlow += 1;
    if (nowMs() - startMs > SLOW_MS) {
      if (readsSinceSlow < SLOW_AMONG_READS) pooledLeft = POOLED_READS;
      readsSinceSlow = 0;
    }
  };

  const isPooled = ({ count }: Piece): boolean => {
    if (count >= LONG_SLOTS) return true;
    if (pooledLeft === 0) return false;
    pooledLeft -= 1;
    return true;
  };

  const readPieces = (pieces: readonly Piece[], slotCount: number): Observable<Uint8Array> =>
    new Observable((observer) => {
      const data = new Uint8Array(slotCount * SECTOR_SIZE_BYTES);
      /** The pieces that are not read yet, and the loop over them. After a failure nothing is emitted. */
      let left = pieces.length + 1;
      const done = (): void => {
        left -= 1;
        if (left > 0) return;
        observer.next(data);
        observer.complete();
      };
      const end = (error: Error | null, piece: Piece): void => {
        if (error === null) done();
        else observer.error(failure(piece.slot, error));
      };
      for (const piece of pieces) {
        if (observer.closed) return;
        if (isPooled(piece)) {
          readPooled(descriptor, data, piece, end);
          continue;
        }
        try {
          readAtOnce(data, piece);
        } catch (error) {
          observer.error(failure(piece.slot, error));
          return;
        }
        done();
      }
      done();
    });

  return {
    read: (slot) => readPieces([{ slot, count: 1, at: 0 }], 1),
    readAll: (slots) => readPieces(piecesOf(slots), slots.length),
  };
}

function piecesOf(slots: readonly number[]): Piece[] {
  const pieces: Piece[] = [];
  for (let start = 0; start < slots.length;) {
    const slot = slots[start];
    let end = start + 1;
    while (end < slots.length && slots[end] === slot + end - start) end += 1;
    pieces.push({ slot, count: end - start, at: start * SECTOR_SIZE_BYTES });
    start = end;
  }
  return pieces;
}

function readPooled(
  descriptor: number,
  data: Uint8Array,
  piece: Piece,
  end: (error: Error | null, piece: Piece) => void,
): void {
  const { slot, count, at } = piece;
  const stop = at + count * SECTOR_SIZE_BYTES;
  const readFrom = (start: number): void => {
    read(descriptor, data, start, stop - start, slot * SECTOR_SIZE_BYTES + start - at, (error, size) => {
      if (error !== null) end(error, piece);
      else if (size === 0) end(endsEarly(slot + Math.floor((start - at) / SECTOR_SIZE_BYTES)), piece);
      else if (start + size < stop) readFrom(start + size);
      else end(null, piece);
    });
  };
  readFrom(at);
}

function endsEarly(slot: number): Error {
  return new Error(`the file ends before the end of slot ${slot}`);
}
