/** The store of a process, or of one of its workers. */
import { lastValueFrom } from 'rxjs';
import * as limits from '../../config/limits.js';
import type { ProcessConfig } from '../../config/load.js';
import type { ProcessCounters } from '../core/counters.js';
import type { Shard } from '../core/shard.js';
import type { Log } from '../ports/log.js';
import type { Schedulers } from '../ports/schedulers.js';
import { monotonicClock } from '../shell/monotonicClock.js';
import { openStore } from '../shell/openStore.js';
import { shardFolder } from '../shell/shardFolders.js';
import { turnScheduler } from '../shell/turnScheduler.js';
import type { OpenedSectorStore } from '../store/openSectorStore.js';
import { programVersion } from './version.js';

export const SCHEDULERS: Schedulers = { clock: monotonicClock, turn: turnScheduler };

/** @param shard null: the process has no workers. */
export function openProcessStore(
  config: ProcessConfig,
  shard: Shard | null,
  { log, counters }: { readonly log: Log; readonly counters: ProcessCounters },
): Promise<OpenedSectorStore> {
  const { cluster, storage, rank, sectors, processes } = config;
  // Two shards of a process must not be mistaken for each other, even if their folders were renamed.
  const clusterOfStore = shard === null ? cluster : `${cluster}#${shard.index}/${shard.count}`;
  return lastValueFrom(
    openStore({
      folder: shard === null ? storage : shardFolder(storage, shard.index),
      identity: { cluster: clusterOfStore, rank, processCount: processes.length, sectors },
      createdBy: programVersion(),
      batchSectors: limits.STORE_BATCH_SECTORS,
      schedulers: SCHEDULERS,
      log,
      counters,
    }),
  );
}
