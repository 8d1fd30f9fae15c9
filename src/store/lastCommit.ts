/**
 * Decides about the last commit when a store is opened.
 *
 * A commit flushes its data and its records at the same time (src/store/commitBatch.ts). After a crash the records of
 * the last commit may be there while data is missing or torn, unless the commit is known to be complete. So each of its
 * sectors is checked:
 *
 *   its data is whole                 it stays. The data is written and flushed once more, because
 *                                     what was read may be in memory only and not on the disk
 *   not; what it replaced is whole    nobody got an answer of the commit: back to that, durably
 *   neither                           the commit was complete, because its old slots were used again,
 *                                     and its bits have rotted since then. It stays, and is damaged
 *
 * Nothing is answered before that is done. So no start can come to another result than the one before it.
 */
import {
  catchError,
  concat,
  concatMap,
  defer,
  EMPTY,
  endWith,
  from,
  map,
  type Observable,
  of,
  retry,
  type SchedulerLike,
  tap,
  throwError,
  timer,
  toArray,
} from 'rxjs';
import { AtomicDiskError } from '../errors.js';
import {
  type MetadataFile,
  NoSpace,
  type RecordTotals,
  type SectorRecord,
  type SlotFile,
} from '../ports/blockFiles.js';
import type { Log } from '../ports/log.js';
import { checksumOf } from './checksum.js';
import { insist, ROOM_INTERVAL_MS } from './commitBatch.js';
import type { DiskFullLog } from './diskFullLog.js';
import { recordIn, type SectorTable } from './sectorTable.js';
import { storeFailure } from './storeFailure.js';
import { totalsAfter } from './recordTotals.js';

const READ_AGAIN_COUNT = 2;

export interface LastCommitOptions {
  readonly slotFile: SlotFile;
  readonly metadata: MetadataFile;
  readonly table: SectorTable;
  /** The totals of the records in the table. */
  readonly totals: RecordTotals;
  readonly clock: SchedulerLike;
  readonly log: Log;
  readonly diskFullLog: DiskFullLog;
}

type Finding =
  | { readonly kind: 'whole'; readonly slot: number; readonly data: Uint8Array }
  | { readonly kind: 'cut'; readonly before: SectorRecord }
  | { readonly kind: 'rotten' };

/** Emits the totals of all records once the last commit is decided. Records in the table may have been replaced. */
export function settleLastCommit(options: LastCommitOptions): Observable<RecordTotals> {
  const { metadata, totals } = options;
  return metadata.unconfirmed().pipe(
    concatMap((replaced) => {
      if (replaced.length === 0) return of(totals);
      return from(replaced).pipe(
        concatMap((before) => inspect(before, options)),
        toArray(),
        concatMap((findings) => apply(findings, options)),
      );
    }),
  );
}

function inspect(before: SectorRecord, { table, slotFile }: LastCommitOptions): Observable<Finding> {
  const record = recordIn(table, before.sector);
  const slot = record?.slot ?? null;
  if (record === null || slot === null) {
    throw new AtomicDiskError(
      'ATDD_STORE_CORRUPT',
      `the metadata say that the last commit wrote data of sector ${before.sector}, but its ` + 'record has none',
    );
  }
  return wholeData(record, slotFile).pipe(
    concatMap((data): Observable<Finding> => {
      if (data !== null) return of({ kind: 'whole', slot, data });
      const back: Finding = { kind: 'cut', before };
      if (before.slot === null) return of(back);
      return wholeData(before, slotFile).pipe(
        map((dataBefore): Finding => (dataBefore === null ? { kind: 'rotten' } : back)),
      );
    }),
  );
}

/**
 * Emits the data of a record that has a slot; null: the slot does not hold it. A read that fails is repeated, because a
 * passing fault must not undo what was acknowledged.
 */
function wholeData(
  { sector, origin, slot, checksum }: SectorRecord,
  slotFile: SlotFile,
): Observable<Uint8Array | null> {
  return slotFile.read(slot ?? 0).pipe(
    retry(READ_AGAIN_COUNT),
    map((data) => (checksumOf(sector, origin, data) === checksum ? data : null)),
    catchError(() => of(null)),
  );
}

function apply(findings: readonly Finding[], options: LastCommitOptions): Observable<RecordTotals> {
  const records = findings.flatMap((finding) => (finding.kind === 'cut' ? [finding.before] : []));
  return concat(renew(findings, options), revert(records, options)).pipe(
    tap((after) => {
      options.metadata.confirm(after.commitCount);
    }),
  );
}

/** Writes the whole data once more. If the disk has no room, the start waits. */
function renew(findings: readonly Finding[], { slotFile, clock, diskFullLog }: LastCommitOptions): Observable<never> {
  return defer(() => {
    let writeCount = 0;
    for (const finding of findings) {
      if (finding.kind !== 'whole') continue;
      slotFile.renew(finding.slot, finding.data);
      writeCount += 1;
    }
    return writeCount === 0 ? EMPTY : slotFile.flush();
  }).pipe(
    retry({
      delay: (error: unknown) => {
        if (!(error instanceof NoSpace)) {
          return throwError(() => storeFailure('flushing the last commit', error));
        }
        diskFullLog.refused(error);
        return timer(ROOM_INTERVAL_MS, clock);
      },
    }),
  );
}

/** Puts records back and emits the totals of all records. */
function revert(
  records: readonly SectorRecord[],
  { metadata, table, totals, log, clock, diskFullLog }: LastCommitOptions,
): Observable<RecordTotals> {
  if (records.length === 0) return of(totals);
  const now = records.map(({ sector }) => recordIn(table, sector));
  const after = totalsAfter(totals, records, now);
  const metadataRefused = (cause: NoSpace): void => {
    diskFullLog.refused(cause);
  };
  const batch = { records, totals: after, replaced: [] };
  return insist(batch, now, { metadata, clock, metadataRefused }).pipe(
    endWith(after),
    tap(() => {
      for (const record of records) table.set(record);
      log.info('the last commit was cut short: its sectors are as they were before', {
        event: 'commitUndone',
        count: records.length,
      });
    }),
  );
}
