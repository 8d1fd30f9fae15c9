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
import type { SectorIndex } from '../core/sector.js';
import { VERSION_INITIAL } from '../core/strict/version.js';
import {
  type MetadataFile,
  NoSpace,
  type RecordBatch,
  type RecordTotals,
  type SectorRecord,
  type SlotFile,
} from '../ports/blockFiles.js';
import { isSameStamp } from './baseStamps.js';
import type { CommitPlan, SlotWrite } from './placement.js';
import { totalsAfter } from './recordTotals.js';
import { storeFailure } from './storeFailure.js';

/** A change that found no room, and has to be made all the same, is tried again after this (milliseconds). */
export const ROOM_INTERVAL_MS = 1_000;

export interface MetadataContext {
  readonly metadata: MetadataFile;
  readonly clock: SchedulerLike;
  /** Called if there was no room for the metadata: until the commit ends it is unknown what the disk holds. */
  readonly metadataRefused: (cause: NoSpace) => void;
}

export interface CommitContext extends MetadataContext {
  readonly slotFile: SlotFile;
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
  return { ...VERSION_INITIAL, sector, slot: null, checksum: 0 };
}

/**
 * Commits what is planned, together with the totals of all records after them.
 *
 * The commit begins on subscription. Emits once how it ended, and completes. Fails with ATDD_STORE_FAILED if it is
 * unknown what the disk holds.
 */
export function commitBatch(
  { placements, writes }: CommitPlan,
  totalsBefore: RecordTotals,
  context: CommitContext,
): Observable<CommitEnd> {
  return defer(() => {
    const { slotFile, metadata } = context;
    const refused: CommitEnd = { tookEffect: false, totals: totalsBefore, blanks: [] };
    const refusal = writeSlots(writes, slotFile);
    if (refusal !== null) {
      context.dataRefused(refusal);
      return of(refused);
    }
    const records = placements.map(({ record }) => record);
    const before = placements.map((placement) => placement.before);
    const totals = totalsAfter(totalsBefore, records, before);
    const withData = placements.filter(({ isWritten }) => isWritten);
    const replaced = withData.map((placement) => placement.before ?? blankRecord(placement.record.sector));
    const batch = { records, totals, replaced };
    return forkJoin({
      data: errorOf(withData.length === 0 ? EMPTY : slotFile.flush()),
      metadata: errorOf(metadata.commit(batch)),
    }).pipe(
      concatMap((errors) => {
        const data = survivable('storing data', errors.data);
        const inMetadata$ = isCommitted(errors.metadata, records, before, context);
        if (data !== null) context.dataRefused(data);
        return inMetadata$.pipe(
          concatMap((isThere) => {
            if (!isThere) return of(refused);
            return data === null
              ? confirmed({ ...refused, tookEffect: true, totals }, context)
              : giveBack(batch, before, context);
          }),
        );
      }),
    );
  });
}

/** @returns the NoSpace if there was no room, else null. */
function writeSlots(writes: readonly SlotWrite[], slotFile: SlotFile): NoSpace | null {
  try {
    for (const { slot, data } of writes) slotFile.write(slot, data);
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
 * @param before The record that each of them replaces, or null.
 */
function isCommitted(
  error: unknown,
  records: readonly SectorRecord[],
  before: readonly (SectorRecord | null)[],
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
function giveBack(
  { records, totals }: RecordBatch,
  before: readonly (SectorRecord | null)[],
  context: CommitContext,
): Observable<CommitEnd> {
  const restored = records.map(({ sector }, index) => before[index] ?? blankRecord(sector));
  const blanks = restored.filter((_, index) => before[index] === null);
  const batch = { records: restored, totals: totalsAfter(totals, restored, records), replaced: [] };
  return concat(
    insist(batch, records, context),
    confirmed({ tookEffect: false, totals: batch.totals, blanks }, context),
  );
}

/** Commits records that must not be refused: tries as often as it takes, and then completes. */
export function insist(
  batch: RecordBatch,
  before: readonly (SectorRecord | null)[],
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
  before: readonly (SectorRecord | null)[],
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
      if (records.every((record, index) => isSame(foundOf(record), before[index]))) return false;
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
    isSameStamp(a.stamp, b.stamp) &&
    isSameStamp(a.origin, b.origin)
  );
}
