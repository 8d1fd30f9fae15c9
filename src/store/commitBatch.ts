/**
 * One commit:
 *
 *   write slots      free ones: nothing that is committed is touched
 *   flush            \ at the same time: the data, and all records of the batch at once, with the
 *   commit metadata  / records that they replace
 *   confirm          both are durable: the moment at which the puts happen
 *
 * A crash may leave records whose data is missing or incomplete. Only the last commit can have such records, because no
 * other begins before both are durable. The next start finds them by their checksums and goes back to the records that
 * they replaced (src/store/lastCommit.ts), whose slots are taken until then. So a sector is wholly as it was or wholly
 * as it was put.
 */
import {
  catchError,
  concat,
  concatMap,
  defer,
  EMPTY,
  endWith,
  forkJoin,
  ignoreElements,
  map,
  type Observable,
  of,
  retry,
  type SchedulerLike,
  throwError,
  timer,
} from 'rxjs';
import type { SectorData, SectorIndex } from '../core/sector.js';
import { compareStamps, STAMP_INITIAL } from '../core/stamp.js';
import {
  type MetadataFile,
  NoSpace,
  type RecordBatch,
  type RecordTotals,
  type SectorRecord,
  type SlotFile,
} from '../ports/blockFiles.js';
import { totalsAfter } from './recordTotals.js';
import { storeFailure } from './storeFailure.js';

/** A change that found no room, and has to be made all the same, is tried again after this (milliseconds). */
export const ROOM_INTERVAL_MS = 1_000;

/** A put with the record, and so the slot, that it was given. */
export interface Placement {
  readonly record: SectorRecord;
  readonly data: SectorData;
}

export interface MetadataContext {
  readonly metadata: MetadataFile;
  readonly clock: SchedulerLike;
  /** Called if there was no room for the metadata: until the commit ends it is unknown what the disk holds. */
  readonly metadataRefused: (cause: NoSpace) => void;
}

export interface CommitContext extends MetadataContext {
  readonly slotFile: SlotFile;
  /** The committed record of a sector, or null if it was never written. */
  readonly committed: (sector: SectorIndex) => SectorRecord | null;
  /** Called if there was no room for the data. */
  readonly dataRefused: (cause: NoSpace) => void;
}

/** How a commit ended. */
export interface CommitEnd {
  /** true: all of it took effect. false: none of it did, because there was no room. */
  readonly tookEffect: boolean;
  /** The totals of all records now. */
  readonly totals: RecordTotals;
  /** Records that stand for "never written", of sectors that had no record. */
  readonly blanks: readonly SectorRecord[];
}

/** A record that stands for "never written": the sector reads as zeros, and every stamp is newer. */
export function blankRecord(sector: SectorIndex): SectorRecord {
  return { sector, stamp: STAMP_INITIAL, slot: null, checksum: 0 };
}

/**
 * Commits the placements, together with the totals of all records after them.
 *
 * The commit begins on subscription. Emits once how it ended, and completes. Fails with ATDD_STORE_FAILED if it is
 * unknown what the disk holds.
 */
export function commitBatch(
  placements: readonly Placement[],
  totalsBefore: RecordTotals,
  context: CommitContext,
): Observable<CommitEnd> {
  return defer(() => {
    const { slotFile, metadata, committed } = context;
    const refused: CommitEnd = { tookEffect: false, totals: totalsBefore, blanks: [] };
    const refusal = writeSlots(placements, slotFile);
    if (refusal !== null) {
      context.dataRefused(refusal);
      return of(refused);
    }
    const records = placements.map(({ record }) => record);
    const totals = totalsAfter(totalsBefore, records, committed);
    const withData = records.filter(({ slot }) => slot !== null);
    const replaced = withData.map(({ sector }) => committed(sector) ?? blankRecord(sector));
    const batch = { records, totals, replaced };
    return forkJoin({
      data: errorOf(withData.length === 0 ? EMPTY : slotFile.flush()),
      metadata: errorOf(metadata.commit(batch)),
    }).pipe(
      concatMap((errors) => {
        const data = survivable('storing data', errors.data);
        const inMetadata$ = isCommitted(errors.metadata, records, committed, context);
        if (data !== null) context.dataRefused(data);
        return inMetadata$.pipe(
          concatMap((isThere) => {
            if (!isThere) return of(refused);
            return data === null
              ? confirmed({ ...refused, tookEffect: true, totals }, context)
              : giveBack(batch, context);
          }),
        );
      }),
    );
  });
}

/** @returns the NoSpace if there was no room, else null. */
function writeSlots(placements: readonly Placement[], slotFile: SlotFile): NoSpace | null {
  try {
    for (const { record, data } of placements) {
      if (record.slot !== null) slotFile.write(record.slot, data);
    }
    return null;
  } catch (error) {
    return survivable('storing data', error);
  }
}

/** Emits the error of the operation, or null if it succeeded, when it has ended. */
function errorOf(operation$: Observable<never>): Observable<unknown> {
  return operation$.pipe(
    endWith(null),
    catchError((error: unknown) => of(error)),
  );
}

/** @throws {AtomicDiskError} ATDD_STORE_FAILED for every error but a NoSpace. */
function survivable(operation: string, error: unknown): NoSpace | null {
  if (error === null || error instanceof NoSpace) return error;
  throw storeFailure(operation, error);
}

/**
 * Notes that the commit is complete before anything is answered: without the note, the next start could go back on it.
 */
function confirmed(end: CommitEnd, { metadata }: CommitContext): Observable<CommitEnd> {
  return defer(() => {
    try {
      metadata.confirm(end.totals.commitCount);
    } catch (error) {
      throw storeFailure('noting the last commit', error);
    }
    return of(end);
  });
}

/**
 * Emits whether the records are there.
 * @param error The error of their commit; null: it succeeded.
 */
function isCommitted(
  error: unknown,
  records: readonly SectorRecord[],
  before: (sector: SectorIndex) => SectorRecord | null,
  context: MetadataContext,
): Observable<boolean> {
  const refusal = survivable('storing metadata', error);
  if (refusal === null) return of(true);
  context.metadataRefused(refusal);
  return lookAgain(records, before, context);
}

/**
 * The records are there, but there was no room for their data. So it puts the records back that they replaced, and
 * tries as often as it takes. The puts wait until then, for the reason given at `lookAgain`.
 */
function giveBack({ records, totals }: RecordBatch, context: CommitContext): Observable<CommitEnd> {
  const { committed } = context;
  const newest = new Map(records.map((record) => [record.sector, record]));
  const newestOf = (sector: SectorIndex): SectorRecord | null => newest.get(sector) ?? null;
  const blanks: SectorRecord[] = [];
  const before = records.map(({ sector }) => {
    const record = committed(sector);
    if (record !== null) return record;
    blanks.push(blankRecord(sector));
    return blankRecord(sector);
  });
  const batch = { records: before, totals: totalsAfter(totals, before, newestOf), replaced: [] };
  return concat(
    insist(batch, newestOf, context),
    confirmed({ tookEffect: false, totals: batch.totals, blanks }, context),
  );
}

/** Commits records that must not be refused: tries as often as it takes, and then completes. */
export function insist(
  batch: RecordBatch,
  before: (sector: SectorIndex) => SectorRecord | null,
  context: MetadataContext,
): Observable<never> {
  return errorOf(context.metadata.commit(batch)).pipe(
    concatMap((error) => isCommitted(error, batch.records, before, context)),
    concatMap((isThere): Observable<never> => {
      if (isThere) return EMPTY;
      const later$ = timer(ROOM_INTERVAL_MS, context.clock).pipe(ignoreElements());
      return concat(later$, insist(batch, before, context));
    }),
  );
}

/**
 * The records of a refused metadata commit may be on the disk nevertheless. Tries to open the metadata as often as it
 * takes, and emits whether they are.
 *
 * The puts wait for that. If this process answered 'full' first and found the record later, it could give one stamp to
 * two values: the one that it believed lost, and the next one that it writes.
 */
function lookAgain(
  records: readonly SectorRecord[],
  before: (sector: SectorIndex) => SectorRecord | null,
  { metadata, clock }: MetadataContext,
): Observable<boolean> {
  const sectors = records.map(({ sector }) => sector);
  return metadata.reopen(sectors).pipe(
    retry({
      delay: (error: unknown) =>
        error instanceof NoSpace
          ? timer(ROOM_INTERVAL_MS, clock)
          : throwError(() => storeFailure('opening the metadata again', error)),
    }),
    map((found) => {
      const foundOf = ({ sector }: SectorRecord): SectorRecord | null => found.get(sector) ?? null;
      if (records.every((record) => isSame(foundOf(record), record))) return true;
      if (records.every((record) => isSame(foundOf(record), before(record.sector)))) return false;
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
    a.sector === b.sector && a.slot === b.slot && a.checksum === b.checksum && compareStamps(a.stamp, b.stamp) === 0
  );
}
