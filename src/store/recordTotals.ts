/** Counts all records (see RecordTotals), so that a lost record is noticed. */
import { AtomicDiskError } from '../errors.js';
import type { RecordTotals, SectorRecord } from '../ports/blockFiles.js';
import { checkOf } from './recordFormat.js';

export const TOTALS_NONE: RecordTotals = { commitCount: 0, recordCount: 0, checkSum: 0 };

/**
 * The totals after a commit.
 *
 * @param records The records of the commit, each of another sector.
 * @param replaced The record that each of them replaces; null: the sector was never written.
 */
export function totalsAfter(
  before: RecordTotals,
  records: readonly SectorRecord[],
  replaced: readonly (SectorRecord | null)[],
): RecordTotals {
  let { recordCount, checkSum } = before;
  records.forEach((record, index) => {
    const old = replaced[index];
    if (old === null) recordCount += 1;
    else checkSum -= checkOf(old);
    checkSum += checkOf(record);
  });
  return { commitCount: before.commitCount + 1, recordCount, checkSum: checkSum >>> 0 };
}

/** Adds a batch of records to the totals. Each record is added once. */
export function withRecords(before: RecordTotals, records: readonly SectorRecord[]): RecordTotals {
  let { checkSum } = before;
  for (const record of records) checkSum += checkOf(record);
  return {
    ...before,
    recordCount: before.recordCount + records.length,
    checkSum: checkSum >>> 0,
  };
}

/**
 * @param found The totals of the records that were read.
 * @param expected The totals that the last commit has written.
 * @throws {AtomicDiskError} ATDD_STORE_CORRUPT if records are missing, or are not the last ones.
 */
export function assertTotals(found: RecordTotals, expected: RecordTotals): void {
  if (found.recordCount === expected.recordCount && found.checkSum === expected.checkSum) return;
  throw new AtomicDiskError(
    'ATDD_STORE_CORRUPT',
    `the metadata have ${found.recordCount} records with the sum ${found.checkSum}, but after ` +
      `commit ${expected.commitCount} there were ${expected.recordCount} with the sum ` +
      `${expected.checkSum}: records were lost, or are older than they were. Do not start this ` +
      'process with this folder: it would deny what it has acknowledged. The other processes ' +
      'have the data',
  );
}
