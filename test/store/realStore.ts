/** A store on real files in a folder of its own, for tests. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { asyncScheduler, firstValueFrom, lastValueFrom, toArray, type Observable } from 'rxjs';
import type { Log } from '../../src/ports/log.js';
import type { OpenStoreOptions } from '../../src/shell/openStore.js';
import { openStore } from '../../src/shell/openStore.js';
import { turnScheduler } from '../../src/shell/turnScheduler.js';
import type { OpenedSectorStore } from '../../src/store/openSectorStore.js';
import type { StoreIdentity } from '../../src/store/superblock.js';
import { keepingLog } from './storeHarness.js';

export const IDENTITY: StoreIdentity = {
  cluster: 'test-cluster',
  rank: 1,
  processCount: 3,
  sectors: Number.MAX_SAFE_INTEGER,
};

const SCHEDULERS = { clock: asyncScheduler, turn: turnScheduler };

export function openAt(
  folder: string,
  identity: Partial<StoreIdentity> = {},
  log: Log = keepingLog(),
  more: Partial<Pick<OpenStoreOptions, 'batchSectors' | 'reopenAfterRecords' | 'counters'>> = {},
): Promise<OpenedSectorStore> {
  return firstValueFrom(
    openStore({
      folder,
      identity: { ...IDENTITY, ...identity },
      createdBy: 'test 0',
      schedulers: SCHEDULERS,
      log,
      batchSectors: 256,
      ...more,
    }),
  );
}

/** Waits for the end of an observable without values. */
export function ended(source$: Observable<never>): Promise<unknown> {
  return lastValueFrom(source$, { defaultValue: null });
}

/** Rejects unless it emits exactly once and completes. */
export async function valueOf<T>(source$: Observable<T>): Promise<T> {
  const values = await lastValueFrom(source$.pipe(toArray()));
  const [value] = values;
  if (value === undefined || values.length !== 1) throw new Error(`${values.length} values`);
  return value;
}

/** A path that does not exist yet; what is there is removed after the test. */
export async function freshFolder(t: ExecutionContext): Promise<string> {
  const parent = await mkdtemp(join(tmpdir(), 'atdd-store-'));
  t.teardown(() => rm(parent, { recursive: true, force: true }));
  return join(parent, 'storage');
}
