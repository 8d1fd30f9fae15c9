/**
 * One commit, in the order that makes it safe:
 *
 *   write slots      free ones: nothing that is committed is touched
 *   flush            now the data is on the disk, and nothing points to it
 *   commit metadata  all records of the batch at once, durable: the moment at which the puts happen
 *
 * A crash before that moment leaves the old values, one after it the new ones.
 */
import {
  catchError,
  defer,
  EMPTY,
  endWith,
  map,
  type Observable,
  of,
  retry,
  type SchedulerLike,
  switchMap,
  throwError,
  timer,
} from 'rxjs';
import type { SectorData, SectorIndex } from '../core/sector.js';
import { compareStamps } from '../core/stamp.js';
import {
  type MetadataFile,
  NoSpace,
  type RecordTotals,
  type SectorRecord,
  type SlotFile,
} from '../ports/blockFiles.js';
import { storeFailure } from './storeFailure.js';

/** After metadata found no room, this often it is tried whether they can be opened again. */
const REOPEN_INTERVAL_MS = 1_000;

/** A put that was given its place. */
export interface Placement {
  readonly record: SectorRecord;
  readonly data: SectorData;
}

export interface CommitContext {
  readonly slotFile: SlotFile;
  readonly metadata: MetadataFile;
  readonly clock: SchedulerLike;
  /** What is committed of a sector, or null if it was never written. */
  readonly committed: (sector: SectorIndex) => SectorRecord | null;
  /** There was no room for the data: nothing has changed. */
  readonly dataRefused: (cause: NoSpace) => void;
  /** There was no room for the metadata: what the disk holds is unknown until this commit ends. */
  readonly metadataRefused: (cause: NoSpace) => void;
}

/**
 * Commits the placements, and with them what all records come to then.
 *
 * Emits once whether the batch took effect (as a whole: it never does in part) and completes. Fails
 * with ATDD_STORE_FAILED if nobody knows what the disk holds. Subscribing does it.
 */
export function commitBatch(
  placements: readonly Placement[],
  totals: RecordTotals,
  context: CommitContext,
): Observable<boolean> {
  return storeData(placements, context).pipe(
    switchMap((isStored) =>
      isStored
        ? storeMetadata(
            placements.map(({ record }) => record),
            totals,
            context,
          )
        : of(false),
    ),
  );
}

/** Emits whether there was room. */
function storeData(
  placements: readonly Placement[],
  { slotFile, dataRefused }: CommitContext,
): Observable<boolean> {
  return defer(() => {
    let writeCount = 0;
    for (const { record, data } of placements) {
      if (record.slot === null) continue;
      slotFile.write(record.slot, data);
      writeCount += 1;
    }
    return writeCount === 0 ? EMPTY : slotFile.flush();
  }).pipe(
    endWith(true),
    catchError((error: unknown) => {
      if (!(error instanceof NoSpace)) throw storeFailure('storing data', error);
      dataRefused(error);
      return of(false);
    }),
  );
}

/** Emits whether the records took effect. */
function storeMetadata(
  records: readonly SectorRecord[],
  totals: RecordTotals,
  context: CommitContext,
): Observable<boolean> {
  return context.metadata.commit(records, totals).pipe(
    endWith(true),
    catchError((error: unknown) => {
      if (!(error instanceof NoSpace)) throw storeFailure('storing metadata', error);
      context.metadataRefused(error);
      return lookAgain(records, context);
    }),
  );
}

/**
 * After a refused metadata commit its records may be on the disk nevertheless. Opens the metadata
 * again, as often as it takes, and emits what it finds.
 *
 * The puts wait for that. To answer 'full' first and adopt a record later would let this process
 * give one stamp to two values: the one it believed lost, and the next that it writes.
 */
function lookAgain(
  records: readonly SectorRecord[],
  { metadata, clock, committed }: CommitContext,
): Observable<boolean> {
  const sectors = records.map(({ sector }) => sector);
  return metadata.reopen(sectors).pipe(
    retry({
      delay: (error: unknown) =>
        error instanceof NoSpace
          ? timer(REOPEN_INTERVAL_MS, clock)
          : throwError(() => storeFailure('opening the metadata again', error)),
    }),
    map((found) => {
      const foundOf = ({ sector }: SectorRecord): SectorRecord | null => found.get(sector) ?? null;
      if (records.every((record) => isSame(foundOf(record), record))) return true;
      if (records.every((record) => isSame(foundOf(record), committed(record.sector)))) {
        return false;
      }
      throw storeFailure(
        'opening the metadata again',
        new Error('its records are neither those before the last commit nor those after it'),
      );
    }),
  );
}

function isSame(a: SectorRecord | null, b: SectorRecord | null): boolean {
  if (a === null || b === null) return a === b;
  return (
    a.sector === b.sector &&
    a.slot === b.slot &&
    a.checksum === b.checksum &&
    compareStamps(a.stamp, b.stamp) === 0
  );
}
