/**
 * Reads slots of the data file.
 *
 * A read that the system's cache answers takes two microseconds; the way through the thread pool takes ten times that,
 * most of it on the main thread, which wakes another one. So a slot is read on the spot, unless reads have turned out
 * to be slow: then the next ones go through the pool, beside each other, and only one in so many is tried on the spot
 * again. A disk that hangs holds up the process for as long as two reads take.
 */
import { read, readSync } from 'node:fs';
import { Observable } from 'rxjs';
import { SECTOR_SIZE_BYTES } from '../core/sector.js';

/** Slower than any cache: the disk itself was asked, or this process had to wait for a core. */
const SLOW_MS = 0.3;
/** One slow read may be the wait for a core. Two of so many in a row on the spot are the disk. */
const SLOW_AMONG_READS = 8;
/** So many reads go through the thread pool after that. */
const POOLED_READS = 128;

export type ReadSlot = (slot: number) => Observable<Uint8Array>;

export interface SlotReaderOptions {
  readonly descriptor: number;
  /** What a failed read of that slot is called. */
  readonly failure: (slot: number, cause: unknown) => Error;
  readonly nowMs?: () => number;
}

/** Each observable reads when it is subscribed to, emits the slot's bytes and completes. */
export function slotReader(options: SlotReaderOptions): ReadSlot {
  const { descriptor, failure, nowMs = () => performance.now() } = options;
  let pooledLeft = 0;
  let readsSinceSlow = SLOW_AMONG_READS;

  const readAtOnce = (slot: number): Uint8Array => {
    const data = new Uint8Array(SECTOR_SIZE_BYTES);
    const startMs = nowMs();
    let done = 0;
    while (done < data.length) {
      const position = slot * SECTOR_SIZE_BYTES + done;
      const count = readSync(descriptor, data, done, data.length - done, position);
      if (count === 0) throw endsEarly(slot);
      done += count;
    }
    readsSinceSlow += 1;
    if (nowMs() - startMs > SLOW_MS) {
      if (readsSinceSlow < SLOW_AMONG_READS) pooledLeft = POOLED_READS;
      readsSinceSlow = 0;
    }
    return data;
  };

  return (slot) =>
    new Observable((observer) => {
      if (pooledLeft > 0) {
        pooledLeft -= 1;
        readPooled(descriptor, slot, (error, data) => {
          if (error === null) observer.next(data);
          if (error === null) observer.complete();
          else observer.error(failure(slot, error));
        });
        return;
      }
      let data: Uint8Array;
      try {
        data = readAtOnce(slot);
      } catch (error) {
        observer.error(failure(slot, error));
        return;
      }
      observer.next(data);
      observer.complete();
    });
}

function readPooled(descriptor: number, slot: number, end: (error: Error | null, data: Uint8Array) => void): void {
  const data = new Uint8Array(SECTOR_SIZE_BYTES);
  const readFrom = (start: number): void => {
    const position = slot * SECTOR_SIZE_BYTES + start;
    read(descriptor, data, start, data.length - start, position, (error, count) => {
      if (error !== null) end(error, data);
      else if (count === 0) end(endsEarly(slot), data);
      else if (start + count < data.length) readFrom(start + count);
      else end(null, data);
    });
  };
  readFrom(0);
}

function endsEarly(slot: number): Error {
  return new Error(`the file ends before the end of slot ${slot}`);
}
