/** The data file: slots of one sector each, over node:fs. */
import {
  close,
  closeSync,
  constants,
  fdatasync,
  fstatSync,
  fsyncSync,
  ftruncate,
  openSync,
  statfsSync,
  type StatsFs,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { Observable } from 'rxjs';
import { assert } from '../core/assert.js';
import { SECTOR_SIZE_BYTES } from '../core/sector.js';
import { describeError } from '../errors.js';
import { NoSpace, type SlotFile } from '../ports/blockFiles.js';
import { isNoSpace } from './noSpace.js';
import { slotReader } from './slotReader.js';

/**
 * Writes that make the file longer are refused while the file system has less than this free. The metadata need room as
 * well, for LevelDB's log and for merging its tables, and a store that cannot write metadata can do less than one that
 * cannot write data.
 */
const RESERVE_BYTES = 4 * 1024 * 1024;

/**
 * Writes to free slots inside the file take room for their records only, so they are allowed down to this lower limit.
 * Sectors that were trimmed on a full disk can then be written again, or given back.
 */
const RESERVE_INSIDE_BYTES = 2 * 1024 * 1024;

/** Creates an empty data file, durably: its name is in the folder when this returns. */
export function createSlotFile(file: string): void {
  const flags = constants.O_CREAT | constants.O_RDWR;
  closeSync(openSync(file, flags, 0o600));
  syncFolder(dirname(file));
}

/** Makes the names in a folder durable. */
export function syncFolder(folder: string): void {
  const descriptor = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Opens a data file that exists. Only one process may have it open, which LevelDB's lock on the metadata beside it
 * ensures.
 */
export function openSlotFile(file: string): SlotFile {
  const descriptor = openSync(file, constants.O_RDWR);
  const slotCountAtOpen = Math.floor(fstatSync(descriptor).size / SECTOR_SIZE_BYTES);
  let slotCount = slotCountAtOpen;
  /** The free space is asked for once per commit; `flush` ends the commit. */
  let freeBytes: number | null = null;
  return {
    slotCountAtOpen,
    write(slot, data) {
      const end = slot + data.length / SECTOR_SIZE_BYTES;
      assert(Number.isInteger(end) && end > slot, 'slots take whole sectors');
      try {
        freeBytes ??= freeBytesOf(file);
        checkRoom(file, freeBytes, end <= slotCount ? RESERVE_INSIDE_BYTES : RESERVE_BYTES);
        writeSlots(descriptor, slot, data);
      } catch (error) {
        freeBytes = null;
        throw fileError(file, `write of slot ${slot}`, error);
      }
      slotCount = Math.max(slotCount, end);
    },
    renew(slot, data) {
      try {
        writeSlots(descriptor, slot, data);
      } catch (error) {
        throw fileError(file, `write of slot ${slot}`, error);
      }
    },
    flush: () =>
      new Observable<never>((observer) => {
        freeBytes = null;
        fdatasync(descriptor, (error) => {
          if (error) observer.error(fileError(file, 'fdatasync', error));
          else observer.complete();
        });
      }),
    truncate: (count) =>
      new Observable<never>((observer) => {
        ftruncate(descriptor, count * SECTOR_SIZE_BYTES, (error) => {
          if (error) {
            observer.error(fileError(file, 'ftruncate', error));
            return;
          }
          slotCount = Math.min(slotCount, count);
          observer.complete();
        });
      }),
    ...slotReader({
      descriptor,
      failure: (slot, cause) => fileError(file, `read of slot ${slot}`, cause),
    }),
    close: () =>
      new Observable<never>((observer) => {
        close(descriptor, (error) => {
          if (error) observer.error(fileError(file, 'close', error));
          else observer.complete();
        });
      }),
  };
}

/** Some network and user-space file systems report no sizes at all: they are taken to have room. */
function freeBytesOf(file: string): number {
  const { bavail, bsize, blocks } = fileSystemOf(file);
  return blocks === 0 ? Number.POSITIVE_INFINITY : bavail * bsize;
}

function fileSystemOf(file: string): StatsFs {
  try {
    return statfsSync(file);
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'ENOENT')) throw cause;
    throw new Error('it was deleted or moved while it was in use', { cause });
  }
}

/** @throws {NoSpace} if the file system has less than the reserve free. */
function checkRoom(file: string, freeBytes: number, reserveBytes: number): void {
  if (freeBytes >= reserveBytes) return;
  throw new NoSpace(
    `${file}: the file system has ${freeBytes} bytes free, ` + `less than the ${reserveBytes} kept for metadata`,
  );
}

/** A disk that fills up takes a part of a write, and reports the reason only for a write of the rest. */
function writeSlots(descriptor: number, slot: number, data: Uint8Array): void {
  const position = slot * SECTOR_SIZE_BYTES;
  let done = 0;
  while (done < data.length) {
    done += writeSync(descriptor, data, done, data.length - done, position + done);
  }
}

function fileError(file: string, operation: string, cause: unknown): Error {
  if (cause instanceof NoSpace) return cause;
  const message = `${file}: ${operation}: ${describeError(cause)}`;
  return isNoSpace(cause) ? new NoSpace(message, { cause }) : new Error(message, { cause });
}
