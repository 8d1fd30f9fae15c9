/**
 * The number of the last commit that was acknowledged, in a file of its own beside the metadata:
 *
 *   0    count(8) check(4)   of even numbers
 *   512  count(8) check(4)   of odd numbers
 *
 * LevelDB cannot tell a commit that a power cut tore at the end of its log, and that nobody was told of, from one that
 * rotted there, or was deleted with the file, after it had been acknowledged: it drops both without an error. This file
 * can. It is written after each commit and not flushed with it, since it must never be ahead of the metadata and may be
 * behind: a kill leaves it right. Flushed it is a little later, when commits may have ceased: of the last one before a
 * power cut it matters most what is known (src/store/lastCommit.ts). Its two places are written in turn, so a torn
 * write spoils only one.
 */
import { constants, closeSync, fdatasync, fsyncSync, openSync, readSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { SchedulerLike, Subscription } from 'rxjs';
import { crc32Of } from '../store/checksum.js';
import { isNoSpace } from './noSpace.js';
import { syncFolder } from './slotFile.js';

const PLACE_SIZE_BYTES = 512;
const CHECK_OFFSET = 8;
const ENTRY_SIZE_BYTES = 12;

/** So long after it was written it is flushed, with all that was written to it by then. */
const FLUSH_AFTER_MS = 100;

export interface AcknowledgedFile {
  /** What it said when it was opened, 0 for no commit; null: neither place is readable. */
  readonly countAtOpen: number | null;
  /** @throws if it cannot be written, unless for want of room: then it stays behind. */
  record(commitCount: number): void;
  /** Flushes and closes it. */
  close(): void;
}

/** Makes the file anew, durably, with the count 0. */
export function createAcknowledgedFile(file: string): void {
  const flags = constants.O_CREAT | constants.O_TRUNC | constants.O_RDWR;
  const descriptor = openSync(file, flags, 0o600);
  try {
    // All of it, so that its blocks are there and later writes take no room.
    writeSync(descriptor, new Uint8Array(2 * PLACE_SIZE_BYTES), 0, 2 * PLACE_SIZE_BYTES, 0);
    writeSync(descriptor, encode(0), 0, ENTRY_SIZE_BYTES, 0);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  syncFolder(dirname(file));
}

/** Opens a file that exists. @throws what node:fs throws. */
export function openAcknowledgedFile(file: string, clock: SchedulerLike): AcknowledgedFile {
  const descriptor = openSync(file, constants.O_RDWR);
  const found = [0, 1].flatMap((place) => decode(descriptor, place) ?? []);
  let isClosed = false;
  let isFlushing = false;
  let isBehind = false;
  let flushIsDue: Subscription | null = null;
  /** One flush at a time: a disk that stalls must not take all threads with it. */
  const flushLater = (): void => {
    isBehind = true;
    if (flushIsDue !== null || isFlushing || isClosed) return;
    flushIsDue = clock.schedule(() => {
      flushIsDue = null;
      isBehind = false;
      isFlushing = true;
      // A failure leaves it behind, which it may be; the next commit meets the disk itself.
      fdatasync(descriptor, () => {
        isFlushing = false;
        if (isClosed) closeSync(descriptor);
        else if (isBehind) flushLater();
      });
    }, FLUSH_AFTER_MS);
  };
  return {
    countAtOpen: found.length === 0 ? null : Math.max(...found),
    record: (commitCount) => {
      const position = (commitCount % 2) * PLACE_SIZE_BYTES;
      try {
        writeSync(descriptor, encode(commitCount), 0, ENTRY_SIZE_BYTES, position);
        flushLater();
      } catch (error) {
        if (!isNoSpace(error)) throw error;
      }
    },
    close: () => {
      isClosed = true;
      flushIsDue?.unsubscribe();
      try {
        fsyncSync(descriptor);
      } finally {
        // A flush that waits for its thread must not find another file under this number.
        if (!isFlushing) closeSync(descriptor);
      }
    },
  };
}

function encode(commitCount: number): Uint8Array {
  const bytes = Buffer.alloc(ENTRY_SIZE_BYTES);
  bytes.writeBigUInt64BE(BigInt(commitCount), 0);
  bytes.writeUInt32BE(crc32Of(bytes.subarray(0, CHECK_OFFSET)), CHECK_OFFSET);
  return bytes;
}

function decode(descriptor: number, place: number): number | null {
  const bytes = Buffer.alloc(ENTRY_SIZE_BYTES);
  const count = readSync(descriptor, bytes, 0, ENTRY_SIZE_BYTES, place * PLACE_SIZE_BYTES);
  if (count !== ENTRY_SIZE_BYTES) return null;
  if (crc32Of(bytes.subarray(0, CHECK_OFFSET)) !== bytes.readUInt32BE(CHECK_OFFSET)) return null;
  return Number(bytes.readBigUInt64BE(0));
}
