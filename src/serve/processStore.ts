/** The store of a process, or of one of its workers. */
import { lastValueFrom } from 'rxjs';
import * as limits from '../../config/limits.js';
import type { ProcessConfig } from '../../config/load.js';
import type { RegisterMode } from '../core/membership/registerMode.js';
import { MODE_OPEN, nameOfMode, REGISTER_MODES } from '../core/membership/registerMode.js';
import type { ProcessCounters } from '../core/counters.js';
import type { Shard } from '../core/shard.js';
import { AtomicDiskError } from '../errors.js';
import type { Log } from '../ports/log.js';
import type { Schedulers } from '../ports/schedulers.js';
import type { StrictStore } from '../ports/strictStore.js';
import { monotonicClock } from '../shell/monotonicClock.js';
import { openStore } from '../shell/openStore.js';
import { shardFolder } from '../shell/shardFolders.js';
import { turnScheduler } from '../shell/turnScheduler.js';
import type { OpenedSectorStore } from '../store/openSectorStore.js';
import { modeOnDisk } from '../../streams/pipelines/membership/identityNotes.js';
import { programVersion } from './version.js';

export const SCHEDULERS: Schedulers = { clock: monotonicClock, turn: turnScheduler };

export interface ProcessStores {
  readonly store: OpenedSectorStore;
  /** The mode in which the process begins: the store of the strict mode is there with it. */
  readonly mode: RegisterMode;
  readonly strictStore?: StrictStore;
}

/** The stores of a process without workers. @throws {AtomicDiskError} also if the folder is of the other mode. */
export async function openStores(
  config: ProcessConfig,
  ports: { readonly log: Log; readonly counters: ProcessCounters },
): Promise<ProcessStores> {
  const store = await openProcessStore(config, null, ports);
  try {
    const mode = modeToBegin(config, store);
    return mode === 'open' ? { store, mode } : { store, mode, strictStore: await lastValueFrom(store.openStrict()) };
  } catch (error) {
    await lastValueFrom(store.close(), { defaultValue: null });
    throw error;
  }
}

/**
 * The folder decides, because what it has promised is in it. If it is one of the open mode, a process that may be
 * strict becomes so while it runs (src/startModes.ts).
 *
 * @throws {AtomicDiskError} ATDD_STORE_FOREIGN
 */
function modeToBegin({ storage, members }: ProcessConfig, store: OpenedSectorStore): RegisterMode {
  const found = modeOnDisk(store.notes, store.counts().written > 0);
  if (found === null || found === REGISTER_MODES.indexOf(members)) return members;
  if (found === MODE_OPEN) return 'open';
  const founded = nameOfMode(found);
  throw new AtomicDiskError(
    'ATDD_STORE_FOREIGN',
    `${storage} is of a cluster with members ${founded}, and this process was started with ` +
      `members ${members}. Write "members": "${founded}" into the configuration of all its processes. Or export ` +
      `the disk, and import it into a new cluster with members ${members}. Nothing was changed`,
  );
}

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
