/** The store as the strict register uses it (src/ports/strictStore.ts): ranges, and versions as they are. */
import { defer, forkJoin, map, Observable, of } from 'rxjs';
import { assert } from '../core/assert.js';
import type { PutOutcome } from '../ports/store.js';
import type { RangePut, StrictStore } from '../ports/strictStore.js';
import type { CopyReader } from './copyReader.js';
import type { GroupCommit } from './groupCommit.js';
import { NO_ENTRY, type SectorTable, versionIn } from './sectorTable.js';

export interface StrictStoreParts {
  readonly table: SectorTable;
  readonly reader: CopyReader;
  readonly commits: Pick<GroupCommit, 'put'>;
  /** The most sectors that are put in one commit: at least those of a range. */
  readonly batchSectors: number;
}

export function strictStore({ table, reader, commits, batchSectors }: StrictStoreParts): StrictStore {
  const putTogether = (puts: readonly RangePut[]): Observable<PutOutcome> =>
    new Observable<PutOutcome>((observer) => {
      commits.put({ puts, observer });
    });
  return {
    versionOf: (sector) => versionIn(table, sector),
    isDamaged(sector) {
      const entry = table.find(sector);
      return entry !== NO_ENTRY && table.isMarked(entry);
    },
    unwrittenUntil: (sector) => table.unwrittenUntil(sector),
    loadRange: (range) => reader.loadRange(range),
    putRanges: (puts) =>
      defer(() => {
        const commitsOf = inCommits(puts, batchSectors);
        if (commitsOf.length === 0) return of('stored' as const);
        if (commitsOf.length === 1) return putTogether(puts);
        return forkJoin(commitsOf.map(putTogether)).pipe(
          map((outcomes) => outcomes.find((outcome) => outcome === 'full') ?? 'stored'),
        );
      }),
    counts: () => ({ written: table.entryCount, damaged: table.markCount }),
    get highestStamp() {
      return table.highestStamp;
    },
  };
}

/** Divides the puts into as many as fit into a commit. */
function inCommits(puts: readonly RangePut[], batchSectors: number): RangePut[][] {
  const commits: RangePut[][] = [];
  let room = 0;
  for (const put of puts) {
    const { count } = put.range;
    assert(count >= 1 && count <= batchSectors, 'a range does not fit into a commit');
    if (count > room) {
      commits.push([]);
      room = batchSectors;
    }
    commits[commits.length - 1].push(put);
    room -= count;
  }
  return commits;
}
