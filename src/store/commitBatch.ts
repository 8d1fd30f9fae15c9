/**
 * One commit:
 *
 *   write slots      free ones: nothing that is committed is touched
 *   flush            \ at the same time: the data, and all records of the batch at once, with the
 *   commit metadata  / records that they replace
 *   confirm          both are durable: the moment at which the puts happen
 *
 * A crash may leave the records without (all of) the data, only those of the last commit: no other begins before both
 * are durable. The next start finds out by the checksums and goes back to the records that were replaced
 * (src/store/lastCommit.ts), whose slots are taken until then. So a sector is wholly as it was or wholly as it was put.
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

/** What found no room and has to be done all the same is tried again after this (ms). */
export const ROOM_INTERVAL_MS = 1_000;

/** A put that was given its place. */
export interface Placement {
  readonly record: SectorRecord;
  readonly data: SectorData;
}

export interface MetadataContext {
  readonly metadata: MetadataFile;
  readonly clock: SchedulerLike;
  /** There was no room for the metadata: what the disk holds is unknown until this commit ends. */
  readonly metadataRefused: (cause: NoSpace) => void;
}

export interface CommitContext extends MetadataContext {
  readonly slotFile: SlotFile;
  /** What is committed of a sector, or null if it was never written. */
  readonly committed: (sector: SectorIndex) => SectorRecord | null;
  /** There was no room for the data. */
  readonly dataRefused: (cause: NoSpace) => void;
}

/** How a commit ended. */
export interface CommitEnd {
  /** All of it; otherwise none of it: there was no room. */
  readonly tookEffect: boolean;
  /** What all records come to now. */
  readonly totals: RecordTotals;
  /** Records that stand for "never written", of sectors that had none. */
  readonly blanks: readonly SectorRecord[];
}

/** The record of a sector that was never written: it reads as zeros, and every stamp is newer. */
export function blankRecord(sector: SectorIndex): SectorRecord {
  return { sector, stamp: STAMP_INITIAL, slot: null, checksum: 0 };
}

/**
 * Commits the placements, and with them what all records come to then.
 *
 * Emits once how it ended and completes. Fails with ATDD_STORE_FAILED if nobody knows what the disk holds. Subscribing
 * does it.
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

/** @returns why there was no room, or null. */
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

/** Emits what it failed with, or null, when it has ended. */
function errorOf(operation$: Observable<never>): Observable<unknown> {
  return operation$.pipe(
    endWith(null),
    catchError((error: unknown) => of(error)),
  );
}

/** @throws everything but a NoSpace, as a failure of the store. */
function survivable(operation: string, error: unknown): NoSpace | null {
  if (error === null || error instanceof NoSpace) return error;
  throw storeFailure(operation, error);
}

/** Nothing is answered before that is noted: a start that knew less could go back on it. */
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

/** Emits whether the records are there, given what their commit failed with. */
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
 * The records are there, and there was no room for their data: puts those back that they replaced, as often as it
 * takes. Until then the puts wait, as they do in `lookAgain`, and for its reason.
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

/** Commits records that are not refused: tries as often as it takes, and completes. */
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
 * After a refused metadata commit its records may be on the disk nevertheless. Opens the metadata again, as often as it
 * takes, and emits what it finds.
 *
 * The puts wait for that. To answer 'full' first and adopt a record later would let this process give one stamp to two
 * values: the one it believed lost, and the next that it writes.
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
