/** Wraps the two files of the store so that their flushes are counted. */
import { defer, type Observable } from 'rxjs';
import type { FlushCounters } from '../core/counters.js';
import type { MetadataFile, SlotFile } from '../ports/blockFiles.js';

export function countedSlotFile(file: SlotFile, counters: FlushCounters): SlotFile {
  return {
    ...file,
    flush: () =>
      defer(() => {
        counters.dataFlushes += 1;
        return file.flush();
      }),
  };
}

export function countedMetadata(file: MetadataFile, counters: FlushCounters): MetadataFile {
  const counted = (change$: Observable<never>): Observable<never> =>
    defer(() => {
      counters.metadataFlushes += 1;
      return change$;
    });
  return {
    ...file,
    commit: (batch) => counted(file.commit(batch)),
    putNotes: (changes) => counted(file.putNotes(changes)),
  };
}
