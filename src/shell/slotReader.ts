/**
 * Reads slots of the data file.
 *
 * A read that the system's cache answers takes two microseconds. Through the thread pool it takes ten times as long,
 * most of that on the main thread, which has to wake another one. So a slot is read on the spot, unless reads have
 * turned out to be slow. Then the next reads go through the pool, side by side, and only one in POOLED_READS is tried
 * on the spot again. A disk that hangs stops the process for the time of two reads at most.
 */
import { read, readSync } from 'node:fs';
import { Observable } from 'rxjs';
import { SECTOR_SIZE_BYTES } from '../core/sector.js';

/** A read that takes longer than this came from the disk, or this process had to wait for a core. */
const SLOW_MS = 0.3;
/** One slow read may have waited for a core. Two slow reads among so many in a row on the spot are due to the disk. */
const SLOW_AMONG_READS = 8;
/** The number of reads that go through the thread pool after that. */
const POOLED_READS = 128;

export type ReadSlot = (slot: number) => Observable<Uint8Array>;

export interface SlotReaderOptions {
  readonly descriptor: number;
  /** The text of the error of a failed read of that slot. */
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
