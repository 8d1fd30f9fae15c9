/** The totals of all records and the records that the last commit replaced, as they are kept in LevelDB. */
import type { ClassicLevel } from 'classic-level';
import { AtomicDiskError } from '../errors.js';
import type { RecordTotals, SectorRecord } from '../ports/blockFiles.js';
import { decodeLastCommit, LAST_COMMIT_KEY } from '../store/lastCommitFormat.js';
import { decodeTotals, TOTALS_KEY } from '../store/recordFormat.js';
import { TOTALS_NONE } from '../store/recordTotals.js';

type Database = ClassicLevel<Uint8Array, Uint8Array>;

/** Advice in the errors about damaged metadata. */
export const ADVICE =
  'Keep the folder for examination, and start with an empty one: the process then takes in what ' +
  'the others have, before it votes. Never put an older folder in its place';

/** @throws {AtomicDiskError} ATDD_STORE_CORRUPT if they are not what was written. */
export async function readTotals(database: Database, location: string): Promise<RecordTotals> {
  const bytes = await database.get(TOTALS_KEY);
  if (bytes === undefined) return TOTALS_NONE;
  const totals = decodeTotals(bytes);
  if (totals !== null) return totals;
  throw corrupt(`${location}: the totals of the records do not match their check`);
}

/**
 * The records that the last commit replaced: none if it had no data.
 * @throws {AtomicDiskError} ATDD_STORE_CORRUPT if they are not what was written.
 */
export async function readLastCommit(database: Database, location: string): Promise<readonly SectorRecord[]> {
  const bytes = await database.get(LAST_COMMIT_KEY);
  if (bytes === undefined) return [];
  const last = decodeLastCommit(bytes);
  if (last === null) {
    throw corrupt(`${location}: what the last commit replaced does not match its check`);
  }
  const { commitCount } = await readTotals(database, location);
  // A commit without data leaves no entry here: then the last commit with data was complete.
  if (last.commitCount <= commitCount) {
    return last.commitCount === commitCount ? last.replaced : [];
  }
  throw corrupt(
    `${location}: commit ${last.commitCount} says what it replaced, but ${commitCount} commits ` + 'are all there were',
  );
}

function corrupt(finding: string): AtomicDiskError {
  return new AtomicDiskError('ATDD_STORE_CORRUPT', `${finding}. ${ADVICE}`);
}
