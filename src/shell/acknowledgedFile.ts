/**
 * The number of the last commit that was acknowledged, in a file of its own beside the metadata:
 *
 *   0    count(8) check(4)   of even numbers
 *   512  count(8) check(4)   of odd numbers
 *
 * At the end of LevelDB's log there may be a commit that a power cut tore before it was acknowledged, or one that was
 * damaged or deleted after it had been acknowledged. LevelDB drops both without an error. This file tells them apart.
 * It is written after each commit and not flushed with it, because it may be behind the metadata but must never be
 * ahead of them; a kill leaves it right. It is flushed a little later, even if no commit follows, because the last
 * commit before a power cut matters most (src/store/lastCommit.ts). Its two places are written in turn, so a torn write
 * damages only one.
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

/** Milliseconds after a write until the file is flushed, with all that was written to it by then. */
const FLUSH_AFTER_MS = 100;

export interface AcknowledgedFile {
  /** The number in the file when it was opened, 0 for no commit; null: neither place is readable. */
  readonly countAtOpen: number | null;
  /** @throws if it cannot be written. Without room it does not throw: then the file stays behind. */
  record(commitCount: number): void;
  /** Flushes and closes it. */
  close(): void;
}

/** Creates or replaces the file, durably, with the count 0. */
export function createAcknowledgedFile(file: string): void {
  const flags = constants.O_CREAT | constants.O_TRUNC | constants.O_RDWR;
  const descriptor = openSync(file, flags, 0o600);
  try {
    // All of the file is written, so that later writes take no room.
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
  /** One flush at a time: a disk that stalls must not occupy all threads of the pool. */
  const flushLater = (): void => {
    isBehind = true;
    if (flushIsDue !== null || isFlushing || isClosed) return;
    flushIsDue = clock.schedule(() => {
      flushIsDue = null;
      isBehind = false;
      isFlushing = true;
      // After a failure the file is behind, which is allowed. The next commit will fail by itself.
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
        // A flush that waits for a thread must not find another file under this descriptor.
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
